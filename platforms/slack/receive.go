package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

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
	for i := range in.Events {
		if err := in.Events[i].Validate(); err != nil {
			return platforms.Inbound{}, err
		}
	}
	return in, nil
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

// decode reads JSON leniently: a field of another type than expected stays
// empty, because Slack uses the same name for different things in different
// events ("user" is an id in one and an object in another).
func decode(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
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

// short makes a name that Slack chose fit into a reason.
func short(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "")
	}
	return name
}
