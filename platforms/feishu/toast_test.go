package feishu_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// pressed is a press under a reply in a group, whose answer is still owed.
func pressed(t *testing.T, a *feishu.Adapter, value map[string]any) platforms.Inbound {
	t.Helper()
	in, err := a.Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, fakefeishu.CardEvent(fakefeishu.Card{
		Message: fakefeishu.Message{EventID: "ev_press", AppID: testApp, Token: testToken, MessageID: "om_reply", ChatID: "oc_1", At: arrival},
		Value:   value,
	}))))
	if err != nil || len(in.Events) != 1 {
		t.Fatalf("%+v, %v", in, err)
	}
	return in
}

// What is said to who pressed a button travels in the answer to the press; once
// that is given it is a message that they alone see.
func TestToast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdapter(t, func(o *feishu.Options) { o.Now, o.BaseURL = time.Now, "http://nowhere.invalid" })
		aside := platforms.Address{ChatID: "oc_1", UserID: "ou_alice", Private: true}
		say := part("key", "Nothing to stop.")
		say.EventIDs = []string{"ev_press"}

		in := pressed(t, a, map[string]any{"parley": "stop"})
		if _, err := a.Send(t.Context(), aside, say); err != nil {
			t.Error(err)
		}
		if got := string(in.Late(t.Context()).Body); got != `{"toast":{"type":"info","content":"Nothing to stop."}}` {
			t.Errorf("answered %s", got)
		}

		in = pressed(t, a, map[string]any{"parley": "up"}) // noted without a word
		settled, settle := context.WithCancel(t.Context())
		settle()
		if got := string(in.Late(settled).Body); got != `{}` {
			t.Errorf("answered %s", got)
		}
		if _, err := a.Send(t.Context(), aside, say); err == nil {
			t.Error("a press that is answered takes a word along")
		}

		in, begun := pressed(t, a, map[string]any{"parley": "regenerate"}), time.Now()
		if got := string(in.Late(t.Context()).Body); got != `{}` || time.Since(begun) != time.Second {
			t.Errorf("answered %s after %v", got, time.Since(begun))
		}
		if in := pressed(t, a, map[string]any{"text": "a card of somebody else's"}); in.Late != nil {
			t.Error("a press that is a message waits for its reply")
		}
	})
}
