package slack

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// Receive implements [platforms.Receiver]. One URL takes the Events API, slash
// commands and interactivity; nothing of a body is read before its signature
// has been checked.
func (a *Adapter) Receive(ctx context.Context, r platforms.Request) (platforms.Inbound, error) {
	now := r.Now
	if now.IsZero() {
		now = a.now()
	}
	if err := a.verify(r.Header, r.Body, now); err != nil {
		return platforms.Inbound{}, err
	}
	in, err := a.read(ctx, r, now)
	if err != nil {
		return platforms.Inbound{}, err
	}
	if len(in.Events) > 0 && !a.CanAnswer() { // Slack sends it again
		return platforms.Inbound{}, failure.New(failure.Unavailable, "no_bot_token", "the Slack bot token is not set yet", nil)
	}
	return a.storable(ctx, in, r, now), nil
}

// storable makes sure that every event can be stored, and tells of those that
// nobody will answer.
func (a *Adapter) storable(ctx context.Context, in platforms.Inbound, r platforms.Request, now time.Time) platforms.Inbound {
	for i := range in.Events {
		e := in.Events[i].Storable(func() string { return requestID(r) })
		in.Events[i] = e
		if a.strange.Worth(e.Ignore, now) {
			a.log.WarnContext(ctx, "slack sent an event that cannot be answered; it is stored as ignored",
				slog.String("event_id", e.ID), slog.String("reason", e.Ignore))
		}
	}
	return in
}

// read tells the three kinds of webhooks apart, by the body alone: Slack does
// not sign the content type, so a signed body must not mean something else
// under another one.
func (a *Adapter) read(ctx context.Context, r platforms.Request, now time.Time) (platforms.Inbound, error) {
	isJSON, other := bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte("{")), "application/json"
	if isJSON {
		other = "application/x-www-form-urlencoded"
	}
	if mediaType(r) == other {
		return platforms.Inbound{}, invalidBody(errors.New("content type and body contradict each other"))
	}
	if isJSON {
		return a.readEnvelope(ctx, r.Body, now)
	}
	form, err := parseForm(r.Body)
	switch {
	case err != nil:
		return platforms.Inbound{}, invalidBody(err)
	case form.Get("payload") != "":
		return a.readInteraction(r, form.Get("payload"), now)
	case form.Get("command") != "":
		return a.readCommand(r, form, now)
	case form.Get("ssl_check") != "": // Slack tries out the certificate
		return platforms.Inbound{}, nil
	default:
		return platforms.Inbound{}, invalidBody(nil)
	}
}

func mediaType(r platforms.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// parseForm makes sure that every value can be stored as text.
func parseForm(body []byte) (url.Values, error) {
	form, err := url.ParseQuery(string(body))
	for _, values := range form {
		for i := range values {
			values[i] = strings.ToValidUTF8(values[i], "\uFFFD")
		}
	}
	return form, err
}

func invalidBody(cause error) error {
	return failure.New(failure.Invalid, "invalid_body", "the body is not what Slack sends", cause)
}

// parseTS reads a message's id as the time it stands for: seconds and
// microseconds.
func parseTS(ts string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseUint(whole, 10, 37) // until the year 6325, so that it can be stored
	if err != nil {
		return time.Time{}, false
	}
	micros, err := strconv.ParseUint((fraction + "000000")[:6], 10, 32)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), int64(micros)*1000).UTC(), true
}

// formatTS is the reverse of parseTS.
func formatTS(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + "." + strconv.Itoa(1000000 + t.Nanosecond()/1000)[1:]
}

// chatTypeOf goes by the channel's id: D… is one person with the bot. A
// channel's name says nothing, since people choose it.
func chatTypeOf(channelID string) platforms.ChatType {
	if direct(channelID) {
		return platforms.Private
	}
	return platforms.Group
}
