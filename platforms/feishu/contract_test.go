package feishu_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/platformtest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t, func(o *feishu.Options) { o.Now = time.Now })
	reply := func(name string, f fakefeishu.Fault, kind failure.Kind, wait time.Duration) platformtest.Fault {
		return platformtest.Fault{
			Name: name, Arrange: func() { fake.Misbehave(fakefeishu.Reply, f) }, Kind: kind, Wait: wait,
		}
	}
	silent := func(name string, f fakefeishu.Fault) platformtest.Fault {
		fault := reply(name, f, failure.Ambiguous, 0)
		fault.Timeout = 100 * time.Millisecond
		return fault
	}
	platformtest.Test(t, platformtest.Harness{
		Adapter: a, Platform: "feishu",
		Now: arrival, MaxAge: 8 * time.Hour, MaxAhead: 5 * time.Minute,
		Request: func(_ *testing.T, at time.Time, m platformtest.Message) platforms.Request {
			return request(fakefeishu.SignedRequest(testKey, at, fakefeishu.MessageEvent(fakefeishu.Message{
				EventID: m.EventID, MessageID: m.MessageID, Text: m.Text, AppID: testApp, Token: testToken, At: arrival,
			})))
		},
		Sign: func(_ *testing.T, at time.Time, body []byte) platforms.Request {
			return request(fakefeishu.SignedRequest(testKey, at, body))
		},
		Naming: fakefeishu.MessageEvent(fakefeishu.Message{
			Text: "/kudos @_user_1", AppID: testApp, Token: testToken, At: arrival,
			Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bob", Name: "Bob", Type: "user"}},
		}),
		Named: platforms.Mention{ID: "ou_bob", Name: "Bob"},
		Proof: []string{"X-Lark-Signature", "X-Lark-Request-Timestamp", "X-Lark-Request-Nonce"},
		Limit: feishu.MaxContent, Size: func(s string) int { return len(feishu.TextContent(s)) },
		Address: toReply,
		Shown: func() []string {
			var texts []string
			for _, m := range fake.Messages() {
				texts = append(texts, m.Text)
			}
			return texts
		},
		Grows: true,
		Press: func(_ *testing.T, at time.Time, verb platforms.Verb) platforms.Request {
			return request(fakefeishu.SignedRequest(testKey, at, fakefeishu.CardEvent(fakefeishu.Card{
				Message: fakefeishu.Message{EventID: "ev_press", AppID: testApp, Token: testToken, MessageID: "om_reply", At: arrival},
				Value:   map[string]any{"parley": string(verb)},
			})))
		},
		Faults: []platformtest.Fault{
			reply("429", fakefeishu.TooManyRequests(7), failure.Retry, 7*time.Second),
			reply("400 with the limit's code", fakefeishu.RateLimited(3), failure.Retry, 3*time.Second),
			reply("chat limit", fakefeishu.Code(400, 230020, "x"), failure.Retry, 0),
			reply("not in the chat", fakefeishu.Code(400, 230002, "x"), failure.Permanent, 0),
			reply("500", fakefeishu.ServerError(), failure.Ambiguous, 0),
			reply("taken and 500", fakefeishu.TakeThenServerError(), failure.Ambiguous, 0),
			reply("502", fakefeishu.BadGateway(502), failure.Ambiguous, 0),
			reply("cut", fakefeishu.Cut(), failure.Ambiguous, 0),
			reply("taken and cut", fakefeishu.TakeThenCut(), failure.Ambiguous, 0),
			silent("silence", fakefeishu.Hang()),
			silent("taken and silence", fakefeishu.TakeThenHang()),
		},
	})
}
