package slack

import (
	"context"
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
	return render.Split(reply, maxText, escapedLen)
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
	if p.File != "" {
		return a.sendFile(ctx, to, p)
	}
	if target := a.checked(to.Extra[responseURL]); target != "" {
		taken, err := a.respond(ctx, target, p.Text)
		if taken || err != nil {
			return "", err
		}
		a.log.InfoContext(ctx, "slack response url is used up; the answer goes into the conversation")
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

// outside reports whether a post was refused because the bot is no member of
// the conversation. Slack calls one that the bot cannot see "not found".
func outside(err error) bool {
	code := failure.CodeOf(err)
	return code == "not_in_channel" || code == "channel_not_found"
}

// direct reports a direct message, where only the person reads along.
func direct(channel string) bool { return strings.HasPrefix(channel, "D") }

// post sends a part into a channel.
// Source: https://docs.slack.dev/reference/methods/chat.postMessage
func (a *Adapter) post(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	options := []slackgo.MsgOption{
		slackgo.MsgOptionText(escape(p.Text), false),
		slackgo.MsgOptionDisableLinkUnfurl(),
		slackgo.MsgOptionDisableMediaUnfurl(),
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{
			EventType: metadataType, EventPayload: map[string]any{metadataKey: p.Key},
		}),
	}
	if to.ThreadID != "" {
		options = append(options, slackgo.MsgOptionTS(to.ThreadID))
	}
	x := a.exchange()
	_, ts, err := a.client(x).PostMessageContext(ctx, to.ChatID, options...)
	if err != nil {
		return "", x.classify(err)
	}
	if ts == "" { // the SDK takes {"ok": false} without a reason for success
		return "", unreadable(nil)
	}
	return ts, nil
}

// postEphemeral shows a part in a channel to the one person who asked. The bot
// must be in the channel.
// Source: https://docs.slack.dev/reference/methods/chat.postEphemeral
func (a *Adapter) postEphemeral(ctx context.Context, to platforms.Address, p platforms.Part) error {
	if to.UserID == "" {
		return failure.New(failure.Permanent, "response_url_used_up", "Slack takes no further answer for this person", nil)
	}
	options := []slackgo.MsgOption{slackgo.MsgOptionText(escape(p.Text), false)}
	if to.ThreadID != "" {
		options = append(options, slackgo.MsgOptionTS(to.ThreadID))
	}
	x := a.exchange()
	ts, err := a.client(x).PostEphemeralContext(ctx, to.ChatID, to.UserID, options...)
	if err != nil {
		return x.classify(err)
	}
	if ts == "" {
		return unreadable(nil)
	}
	return nil
}
