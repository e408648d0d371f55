package slack_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

const secret = "8f742231b10e8888abcd99yyyzzz85a5"

// now is the moment of the official example.
var now = time.Unix(1531420618, 0)

func newAdapter(tb testing.TB, o slack.Options) *slack.Adapter {
	tb.Helper()
	if o.BotToken == "" {
		o.BotToken = fakeslack.DefaultToken
	}
	a, err := slack.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func signed(body []byte) platforms.Request { return signedAt(now, body) }

func signedAt(at time.Time, body []byte) platforms.Request {
	return platforms.Request{Header: fakeslack.SignedHeader(secret, at, body), Body: body, Now: now}
}

const officialBody = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V" +
	"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
	"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
	"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

// official is the example of
// https://docs.slack.dev/authentication/verifying-requests-from-slack.
func official() platforms.Request {
	h := make(http.Header)
	h.Set("X-Slack-Request-Timestamp", "1531420618")
	h.Set("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	return platforms.Request{Header: h, Body: []byte(officialBody), Now: now}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*platforms.Request) {
		return func(r *platforms.Request) { r.Header.Set(name, value) }
	}
	at := func(d time.Duration) func(*platforms.Request) {
		return func(r *platforms.Request) { r.Now = now.Add(d) }
	}
	for _, c := range []struct {
		name   string
		change func(*platforms.Request)
		ok     bool
	}{
		{"as documented", func(*platforms.Request) {}, true},
		{"five minutes old", at(5 * time.Minute), true},
		{"five minutes ahead", at(-5 * time.Minute), true},
		{"a second too old", at(5*time.Minute + time.Second), false},
		{"a second too far ahead", at(-5*time.Minute - time.Second), false},
		{"one byte of the body", func(r *platforms.Request) { r.Body[len(r.Body)-1] = 'd' }, false},
		{"longer body", func(r *platforms.Request) { r.Body = append(r.Body, ' ') }, false},
		{"another time", set("X-Slack-Request-Timestamp", "1531420619"), false},
		{"no time", set("X-Slack-Request-Timestamp", ""), false},
		{"time that is no number", set("X-Slack-Request-Timestamp", "now"), false},
		{"no signature", set("X-Slack-Signature", ""), false},
		{"only the version", set("X-Slack-Signature", "v0="), false},
		{"another version", set("X-Slack-Signature", "v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"), false},
		{"no headers", func(r *platforms.Request) { r.Header = nil }, false},
		{"a token in place of a signature", func(r *platforms.Request) { r.Header, r.Admitted = nil, true }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := official()
			c.change(&r)
			in, err := newAdapter(t, slack.Options{SigningSecret: secret}).Receive(t.Context(), r)
			if c.ok && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !c.ok && (failure.KindOf(err) != failure.Unauthorized || len(in.Events) > 0) {
				t.Errorf("taken: %v, %v", in, err)
			}
		})
	}
}

// A blank secret accepts nothing, not even what is signed with it.
func TestBlankSecretAcceptsNothing(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, slack.Options{})
	body := fakeslack.Challenge("x")
	_, err := a.Receive(t.Context(), platforms.Request{Header: fakeslack.SignedHeader("", now, body), Body: body, Now: now})
	if failure.KindOf(err) != failure.Unauthorized {
		t.Errorf("got %v", err)
	}
}

// A signature over a time that is far away is stale whatever the number does
// to the arithmetic.
func TestAbsurdTimestamps(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, slack.Options{SigningSecret: secret})
	for _, seconds := range []int64{0, -1, 1 << 40, 1<<63 - 1, -1 << 63} {
		body := fakeslack.Challenge("x")
		h := fakeslack.SignedHeader(secret, time.Unix(seconds, 0), body)
		_, err := a.Receive(t.Context(), platforms.Request{Header: h, Body: body, Now: now})
		if failure.KindOf(err) != failure.Unauthorized {
			t.Errorf("%d: %v", seconds, err)
		}
	}
}

// Slack wants its request URL verified before it gives out a token.
func TestChallengeNeedsTheSecretAlone(t *testing.T) {
	t.Parallel()
	a, err := slack.New(slack.Options{SigningSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	in, err := a.Receive(t.Context(), signed(fakeslack.Challenge("c-1")))
	if err != nil || string(in.Answer.Body) != "c-1" {
		t.Errorf("%+v %v", in, err)
	}
	if _, err = a.Receive(t.Context(), signed(fakeslack.MessageEvent(fakeslack.Event{Text: "hi"}))); failure.KindOf(err) != failure.Unavailable {
		t.Errorf("a message that cannot be answered: %v", err)
	}
}

func TestNewChecksOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []slack.Options{
		{},
		{BotToken: "xoxb-1", APIURL: "slack.com/api"},
		{BotToken: "xoxb-1", APIURL: "ftp://slack.com/api"},
		{BotToken: "xoxb-1", APIURL: "http://[::1"},
	} {
		if _, err := slack.New(o); failure.KindOf(err) != failure.Invalid {
			t.Errorf("%q: %v", o.APIURL, err)
		}
	}
}
