package feishu_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

func seeds() [][]byte {
	m := fakefeishu.Message{AppID: testApp, Token: testToken, Text: "hello @_user_1", At: arrival, Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot"}}}
	post := m
	post.Type, post.Content = "post", `{"title":"t","content":[[{"tag":"at","user_id":"@_user_1"}]]}`
	card := fakefeishu.Card{Message: m, Value: map[string]any{"command": "help"}}
	_, challenge := fakefeishu.ChallengeRequest("", testToken, "c")
	return [][]byte{
		fakefeishu.MessageEvent(m), fakefeishu.MessageEventV1(m), fakefeishu.MessageEvent(post),
		fakefeishu.CardEvent(card), fakefeishu.LegacyCardBody(card), challenge,
		[]byte(`{"header":null,"action":null}`), []byte(`{"type":"event_callback"}`), []byte(`}  {`), []byte(`null`), nil,
	}
}

// checkInbound fails when an accepted request holds what cannot be stored.
func checkInbound(t *testing.T, in platforms.Inbound, err error) {
	t.Helper()
	if err != nil {
		if k := failure.KindOf(err); k != failure.Invalid && k != failure.Unauthorized {
			t.Fatalf("kind %d: %v", k, err)
		}
		return
	}
	for _, ev := range in.Events {
		if err := ev.Validate(); err != nil {
			t.Fatalf("accepted %+v: %v", ev, err)
		}
		if ev.Ignore == "" && strings.TrimSpace(ev.Text) == "" {
			t.Fatalf("nothing to answer in %+v", ev)
		}
		if !utf8.ValidString(ev.Text) || ev.SentAt.IsZero() {
			t.Fatalf("cannot be stored: %+v", ev)
		}
	}
}

func FuzzReceiveSigned(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	a, plain := newAdapter(f), newAdapter(f, secrets("", testToken))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := a.Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, body)))
		checkInbound(t, in, err)
		in, err = plain.Receive(t.Context(), request(fakefeishu.LegacyCardRequest(testToken, arrival, body)))
		checkInbound(t, in, err)
	})
}

func FuzzReceiveUnsigned(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
		f.Add(fakefeishu.Encrypt(testKey, s))
	}
	a := newAdapter(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := a.Receive(t.Context(), request(fakefeishu.PlainRequest(body)))
		if len(in.Events) != 0 {
			t.Fatalf("accepted %+v", in.Events)
		}
		if err != nil && failure.KindOf(err) != failure.Unauthorized {
			t.Fatalf("kind %d: %v", failure.KindOf(err), err)
		}
	})
}

func FuzzSplitFits(f *testing.F) {
	f.Add("hello <at user_id=\"all\">all</at>", 3)
	f.Add("\x00\xff\"\\<>&\u2028\n", 4000)
	f.Add("漢字🙂", 9000)
	a := newAdapter(f)
	f.Fuzz(func(t *testing.T, text string, times int) {
		text = strings.Repeat(text, min(max(times, 1), 200_000/max(len(text), 1)+1))
		for _, part := range a.Split(text) {
			checkContent(t, part)
		}
	})
}

func checkContent(t *testing.T, part string) {
	t.Helper()
	content := feishu.TextContent(part)
	if n := len(content); n > feishu.MaxContent && utf8.RuneCountInString(part) > 1 {
		t.Fatalf("a part of %d bytes makes %d", len(part), n)
	}
}
