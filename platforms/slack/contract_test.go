package slack_test

import (
	"cmp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/platformtest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	a, fake := pair(t)
	post := func(name string, f fakeslack.Fault, kind failure.Kind, wait time.Duration) platformtest.Fault {
		return platformtest.Fault{Name: name, Arrange: func() { fake.Script(fakeslack.ChatPostMessage, f) }, Kind: kind, Wait: wait}
	}
	silent := func(name string, f fakeslack.Fault) platformtest.Fault {
		fault := post(name, f, failure.Ambiguous, 0)
		fault.Timeout = 100 * time.Millisecond
		return fault
	}
	platformtest.Test(t, platformtest.Harness{
		Adapter: a, Platform: "slack",
		Now: now, MaxAge: 5 * time.Minute, MaxAhead: 5 * time.Minute,
		Request: func(_ *testing.T, at time.Time, m platformtest.Message) platforms.Request {
			return signedAt(at, fakeslack.MessageEvent(fakeslack.Event{
				EventID: m.EventID, ChannelType: "im", TS: tsOf(m.MessageID), Text: escaped(m.Text),
			}))
		},
		Sign:   func(_ *testing.T, at time.Time, body []byte) platforms.Request { return signedAt(at, body) },
		Naming: fakeslack.MessageEvent(fakeslack.Event{Text: bot + " /kudos <@U00000007|bob>"}),
		Named:  platforms.Mention{ID: "U00000007", Text: "@bob"},
		Proof:  []string{"X-Slack-Signature", "X-Slack-Request-Timestamp"},
		Limit:  11_000, Size: func(s string) int { return utf8.RuneCountInString(escaped(s)) },
		Address: platforms.Address{Tenant: fakeslack.DefaultTeamID, ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1"},
		Shown:   fake.Texts,
		Grows:   true,
		Press: func(_ *testing.T, at time.Time, verb platforms.Verb) platforms.Request {
			id := map[platforms.Verb]string{platforms.VerbUp: "parley_feedback", platforms.VerbDown: "parley_feedback"}[verb]
			return signedAt(at, action(map[string]any{"actions": []any{
				map[string]any{"action_id": cmp.Or(id, "parley_"+string(verb)), "value": string(verb)},
			}}))
		},
		Faults: []platformtest.Fault{
			post("429", fakeslack.RateLimit(7*time.Second), failure.Retry, 7*time.Second),
			post("200 and ratelimited", fakeslack.Fault{Code: "ratelimited", RetryAfter: 3 * time.Second}, failure.Retry, 3*time.Second),
			post("not in the channel", fakeslack.Refuse("not_in_channel"), failure.Permanent, 0),
			post("a code that nobody listed", fakeslack.Refuse("brand_new_error"), failure.Permanent, 0),
			post("internal error", fakeslack.Refuse("internal_error"), failure.Ambiguous, 0),
			post("taken and fatal error", fakeslack.TakeThenRefuse("fatal_error"), failure.Ambiguous, 0),
			post("500", fakeslack.Status(500), failure.Ambiguous, 0),
			post("taken and 503", fakeslack.TakeThenStatus(503), failure.Ambiguous, 0),
			post("cut", fakeslack.Cut(), failure.Ambiguous, 0),
			post("taken and cut", fakeslack.TakeThenCut(), failure.Ambiguous, 0),
			post("taken and garbled", fakeslack.TakeThenGarble(), failure.Ambiguous, 0),
			silent("silence", fakeslack.Hang()),
			silent("taken and silence", fakeslack.TakeThenHang()),
		},
	})
}

// escaped is a text as it is sent.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// tsOf gives each of the contract's messages a time of its own.
func tsOf(messageID string) string {
	if messageID == "message-2" {
		return "1531420619.000100"
	}
	return "1531420618.000100"
}
