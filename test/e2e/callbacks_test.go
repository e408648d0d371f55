package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// A callback that answers 404, 401, 409 or 425 in the middle of a deploy is tried
// again, more often than a fault of ours would be (waxum#68; only 410 stops,
// Standard Webhooks).
func TestCase19_CallbackInTheMiddleOfADeploy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) { c.Gateway.MaxAttempts = 1 })
	for _, status := range []int{http.StatusNotFound, http.StatusUnauthorized, http.StatusConflict, http.StatusTooEarly} {
		w.callback.Script(fakecallback.Answer(status))
	}
	s.signedEvent("e1", []byte(`{"sender_id":"alice","text":"hi"}`))
	replies, err := w.callback.WaitReplies(patience(t), 1)
	if err != nil || replies[0].Text != "reply to: hi" {
		t.Fatalf("%+v, %v", replies, err)
	}
	if calls := w.callback.Calls(); len(calls) != 5 || len(w.openai.Calls()) != 1 {
		t.Errorf("%d callbacks, %d calls of the model", len(calls), len(w.openai.Calls()))
	}

	w.callback.Script(fakecallback.Answer(http.StatusGone))
	s.signedEvent("e2", []byte(`{"sender_id":"bob","text":"hi"}`))
	s.waitMetric(`parley_sends_total{outcome="permanent",platform="signed"}`, "1")
}

// What ends dead is a message.failed with the code, never a message.reply.
func TestCallbackSaysThatAnEventIsDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openai.Always(fakeopenai.Fail(http.StatusUnauthorized, "invalid_api_key"))
	s := w.start(t)
	s.signedEvent("e1", []byte(`{"sender_id":"alice","text":"hi","thread":"t1"}`))
	calls, err := w.callback.WaitCalls(patience(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type     string
		EventIDs []string `json:"event_ids"`
		Text     *string
		Error    struct{ Code, Message string }
	}
	if err := json.Unmarshal(calls[0].Body, &got); err != nil || got.Type != "message.failed" || got.Text != nil ||
		!slices.Equal(got.EventIDs, []string{"e1"}) || got.Error.Code == "" || got.Error.Message == "" || strings.Contains(got.Error.Code, " ") {
		t.Errorf("%s: %v", calls[0].Body, err)
	}
}

// A field that means nothing is named in the answer: "thread" in place of
// "thread_id" would change whose history is used.
func TestUnknownFieldsAreNamed(t *testing.T) {
	t.Parallel()
	s := newWorld(t).start(t)
	const want = `"thread" is ignored; did you mean "thread_id"?`
	for _, header := range [][]string{nil, {"Prefer", "wait=30"}, {"Accept", "text/event-stream"}} {
		a := s.request(http.MethodPost, "/webhooks/generic", `{"sender_id":"alice","text":"hi","thread":"t1","locale":null}`, header...)
		quoted, _ := json.Marshal(want)
		if a.status >= 300 || !strings.Contains(a.body, `"warnings":[`+string(quoted)+`]`) {
			t.Errorf("%v: %d %s", header, a.status, a.body)
		}
	}
	if a := s.request(http.MethodPost, "/webhooks/generic", `{"sender_id":"alice","text":"hi"}`); strings.Contains(a.body, "warnings") {
		t.Error(a.body)
	}
}

// A program's sender may be called "*": what it erases is its own, in a room
// scope too.
func TestCase24_SenderStar(t *testing.T) {
	t.Parallel()
	s := newWorld(t).start(t, func(c *config.Config) { c.AI.ConversationPersistence.Scope = "room" })
	s.post(`{"sender_id":"alice","chat_type":"group","chat_id":"one","text":"first"}`)
	s.post(`{"sender_id":"*","chat_type":"group","chat_id":"two","text":"second"}`)
	s.post(`{"sender_id":"*","chat_type":"group","chat_id":"two","text":"/forget-me yes"}`)
	if got := s.post(`{"sender_id":"alice","chat_type":"group","chat_id":"one","text":"/history"}`); !strings.Contains(got, "first") {
		t.Errorf("another room's history is gone: %q", got)
	}
}
