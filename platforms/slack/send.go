package slack

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/render"
)

const (
	// maxText is how many characters one message holds. Slack cuts off text
	// beyond 40,000 and refuses blocks beyond some 13,000; the margin lets a
	// renderer use either.
	maxText = 11000

	// The metadata that a part is found by.
	metadataType = "parley_reply"
	metadataKey  = "delivery"
)

// Split implements [platforms.Sender].
func (a *Adapter) Split(reply string) []string {
	return render.Split(reply, render.Limits{
		Size: maxText, Measure: escapedLen, Tables: maxTables, Rows: maxRows, Cells: maxCells,
	})
}

// escapedLen counts the characters of text as it is sent.
func escapedLen(text string) int {
	return utf8.RuneCountInString(escape(text))
}

// Send implements [platforms.Sender]. It takes SendTimeout at most. The id of
// an answer at a response URL is empty, because Slack gives it none, or one
// that nothing can be found by; that of a file is the file's.
func (a *Adapter) Send(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	if err := a.present(to); err != nil {
		return "", err
	}
	if page := to.Extra[pageOf]; page != "" {
		a.showPage(ctx, to, platforms.Page(page), p)
		return "", nil
	}
	if p.File != "" {
		return a.sendFile(ctx, to, p)
	}
	if target := a.privately(to); target != "" {
		taken, err := a.respond(ctx, target, p.Text)
		if taken || err != nil {
			return "", err
		}
		a.log.InfoContext(ctx, "slack response url is used up; the answer is posted in the conversation")
	}
	if to.Private && !direct(to.ChatID) {
		// What was for one person's eyes is not shown to a whole channel.
		return "", a.postEphemeral(ctx, to, p)
	}
	id, err := a.post(ctx, to, p)
	if target := a.checked(to.Extra[spareURL]); target != "" && outside(err) {
		taken, spareErr := a.respond(ctx, target, p.Text)
		if taken || spareErr != nil {
			return "", spareErr
		}
	}
	return id, err
}

// privately returns the URL at which one person alone is answered, "" where
// there is none or the answer is for all.
func (a *Adapter) privately(to platforms.Address) string {
	if url := a.checked(to.Extra[responseURL]); url != "" || !to.Private {
		return url
	}
	return a.checked(to.Extra[spareURL])
}

// outside reports whether a post was refused because the bot is no member of
// the conversation. Slack calls one that the bot cannot see "not found".
func outside(err error) bool {
	code := failure.CodeOf(err)
	return code == "not_in_channel" || code == "channel_not_found"
}

// Whispers implements [platforms.Whisperer].
func (a *Adapter) Whispers(to platforms.Address) bool {
	return direct(to.ChatID) || to.UserID != "" || to.Extra[responseURL] != ""
}

// direct reports a direct message, where only the person reads along.
func direct(channel string) bool { return strings.HasPrefix(channel, "D") }

// taken is what Slack answers of a message that it took.
type taken struct {
	TS        word `json:"ts"`
	MessageTS word `json:"message_ts"` // of an ephemeral one
	Message   struct {
		TS       word `json:"ts"`
		ThreadTS word `json:"thread_ts"`
	} `json:"message"`
}

// post sends a part into a channel.
// Source: https://docs.slack.dev/reference/methods/chat.postMessage
func (a *Adapter) post(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	form := formFor(to)
	form.Set("metadata", metadata(p))
	form.Set("unfurl_links", "false")
	form.Set("unfurl_media", "false")
	var answer taken
	if err := a.show(ctx, methodPost, to, form, p, &answer); err != nil {
		return "", err
	}
	if answer.TS == "" {
		return "", unreadable(nil)
	}
	a.signs.reply(streamID(to, to.ThreadID))
	if to.ThreadID != "" && answer.Message.TS != "" && answer.Message.ThreadTS == "" {
		return a.astray(ctx, to, answer.TS.String())
	}
	return answer.TS.String(), nil
}

// astray is for a message that did not come into its thread: when what opened
// the thread is gone, Slack shows an answer to it in the channel, before
// everybody. There it does not stay.
func (a *Adapter) astray(ctx context.Context, to platforms.Address, ts string) (string, error) {
	q := url.Values{"channel": {to.ChatID}, "ts": {to.ThreadID}, "limit": {"1"}}
	if _, err := a.fetch(ctx, to, q); failure.CodeOf(err) != "thread_not_found" {
		return ts, nil
	}
	if err := a.remove(ctx, to, ts); err != nil {
		a.log.WarnContext(ctx, "a reply that slack shows outside its thread could not be deleted", slog.Any("error", err))
		return ts, nil
	}
	return "", failure.New(failure.Permanent, "thread_not_found", "the message that opened the thread is gone", nil)
}

// show makes a call that shows a part, as blocks and, for notifications, as
// plain text. What Slack should refuse about the blocks must cost only these.
func (a *Adapter) show(ctx context.Context, method string, to platforms.Address, form url.Values, p platforms.Part, out any) error {
	blocks, whole := rendered(p.Text)
	plain := whole
	if method == methodUpdate {
		plain = cutTo(plain, maxUpdate)
	}
	form.Set("text", plain)
	if blocks = append(blocks, buttons(p.Verbs)...); len(blocks) > 0 {
		form.Set("blocks", encoded(blocks))
	}
	err := a.call(ctx, method, to, form, out)
	if !refusesBlocks(err) || plain != whole {
		return err
	}
	a.log.WarnContext(ctx, "slack refuses the blocks of a message; it is shown as plain text", slog.Any("error", err))
	form.Del("blocks")
	return a.call(ctx, method, to, form, out)
}

// maxUpdate is how many characters of text chat.update takes. What it cuts off
// stands in the blocks.
// Source: https://docs.slack.dev/reference/methods/chat.update
const maxUpdate = 4000

// cutTo returns the first n characters of a text that is longer.
func cutTo(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

func refusesBlocks(err error) bool {
	switch failure.CodeOf(err) {
	case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long":
		return true
	}
	return false
}

// metadata is what a part is found by.
func metadata(p platforms.Part) string {
	return encoded(slackgo.SlackMetadata{EventType: metadataType, EventPayload: map[string]any{metadataKey: p.Key}})
}

// encoded writes what always can be written as JSON.
func encoded(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// formFor begins a call that shows something at an address.
func formFor(to platforms.Address) url.Values {
	form := url.Values{"channel": {to.ChatID}}
	if to.ThreadID != "" {
		form.Set("thread_ts", to.ThreadID)
	}
	return form
}

// postEphemeral shows a part in a channel to the one person who asked. The bot
// must be in the channel.
// Source: https://docs.slack.dev/reference/methods/chat.postEphemeral
func (a *Adapter) postEphemeral(ctx context.Context, to platforms.Address, p platforms.Part) error {
	if to.UserID == "" {
		return failure.New(failure.Permanent, "response_url_used_up", "Slack accepts no further answer for this person", nil)
	}
	form := formFor(to)
	form.Set("user", to.UserID)
	var answer taken
	if err := a.show(ctx, methodEphemeral, to, form, p, &answer); err != nil {
		return err
	}
	if answer.MessageTS == "" {
		return unreadable(nil)
	}
	return nil
}
