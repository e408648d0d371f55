package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

func TestReplyAndHistorySurviveRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	if got := s.reply("alice", "hello"); got != "reply to: hello" {
		t.Errorf("got %q", got)
	}
	s.stop()
	s = w.start(t)
	if got := s.reply("alice", "/history"); !strings.HasPrefix(got, "Last 2 messages:\n\n[") ||
		!strings.Contains(got, "] You: hello\n") || !strings.HasSuffix(got, "] Bot: reply to: hello") {
		t.Errorf("history %q", got)
	}
}

func TestEchoSaysHowToConfigureAModel(t *testing.T) {
	t.Parallel()
	s := newWorld(t).start(t, func(c *config.Config) { c.AI.BaseURL, c.AI.APIKey = "", "" })
	if got := s.reply("alice", "hello"); !strings.Contains(got, "hello") || !strings.Contains(got, "OPENAI_API_KEY") {
		t.Errorf("got %q", got)
	}
}

// prompts returns what the model was given in its n-th call.
func (w *world) prompts(t *testing.T, n int) []string {
	t.Helper()
	calls, err := w.openai.WaitCalls(patience(t), n)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range calls[n-1].Messages {
		list = append(list, m.Role+": "+m.Content)
	}
	return list
}

func TestSlackMentionIsAnsweredInItsThreadWithHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	mention := fakeslack.MentionEvent(fakeslack.Event{Text: fakeslack.Mention("") + " first", TS: "1700000000.000100"})
	for range 3 { // Slack repeats what it doubts
		if a := s.slackEvent(mention); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	// The same message also comes as message.channels under another event id.
	s.slackEvent(fakeslack.MessageEvent(fakeslack.Event{EventID: "Ev2", Text: fakeslack.Mention("") + " first", TS: "1700000000.000100"}))
	if _, err := w.slack.WaitMessages(patience(t), 1); err != nil {
		t.Fatal(err)
	}
	s.slackEvent(fakeslack.MentionEvent(fakeslack.Event{Text: fakeslack.Mention("") + " second", TS: "1700000009.000100", ThreadTS: "1700000000.000100"}))
	msgs, err := w.slack.WaitMessages(patience(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"reply to: first", "reply to: second"} {
		if msgs[i].Text != want || msgs[i].ThreadTS != "1700000000.000100" {
			t.Errorf("message %d: %+v", i, msgs[i])
		}
	}
	if got := strings.Join(w.prompts(t, 2), " | "); got != "user: first | assistant: reply to: first | user: second" {
		t.Errorf("second call was given %s", got)
	}
	if got := len(w.openai.Calls()); got != 2 {
		t.Errorf("%d model calls, want 2", got)
	}
}

func TestFeishuEncryptedMessageIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	for i, text := range []string{"first", "second"} {
		body := fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, MessageID: fmt.Sprint("om_", i), Text: text})
		for range 2 {
			if a := s.feishuEvent(body); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		msgs, err := w.feishu.WaitMessages(patience(t), i+1)
		if err != nil {
			t.Fatal(err)
		}
		if len(msgs) != i+1 || !strings.Contains(fmt.Sprintf("%+v", msgs[i]), "reply to: "+text) {
			t.Errorf("%+v", msgs)
		}
	}
	if got := strings.Join(w.prompts(t, 2), " | "); got != "user: first | assistant: reply to: first | user: second" {
		t.Errorf("second call was given %s", got)
	}
	header, sealed := fakefeishu.ChallengeRequest(feishuKey, feishuToken, "abc")
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/webhooks/feishu", strings.NewReader(string(sealed)))
	req.Header = header
	if a := s.do(req); a.status != http.StatusOK || a.json(t)["challenge"] != "abc" {
		t.Errorf("challenge: %d %s", a.status, a.body)
	}
}

func TestSignedProgramGetsACallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	a := s.signedEvent("evt-1", []byte(`{"sender_id":"alice","text":"hi","thread_id":"t"}`))
	if a.status != http.StatusAccepted || a.json(t)["event_id"] != "evt-1" || a.json(t)["user_key"] != "signed:private:alice" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	replies, err := w.callback.WaitReplies(patience(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%+v", replies[0]); !strings.Contains(got, "reply to: hi") || !strings.Contains(got, "evt-1") {
		t.Errorf("%s", got)
	}
	if again := s.signedEvent("evt-1", []byte(`{"sender_id":"alice","text":"hi","thread_id":"t"}`)); again.status != http.StatusAccepted || again.body != a.body {
		t.Errorf("repeated: %d %s", again.status, again.body)
	}
}

func TestOneByteAlteredIsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	alter := func(req *http.Request, header string) {
		v := req.Header.Get(header)
		last := byte('0')
		if v[len(v)-1] == '0' {
			last = '1'
		}
		if header == "Webhook-Signature" { // the last characters of base64 are padding
			v = v[:4] + "#" + v[5:]
		}
		req.Header.Set(header, v[:len(v)-1]+string(last))
	}
	slackReq, _ := fakeslack.SignedRequest(t.Context(), s.url+"/webhooks/slack", slackSecret, nowFor(t), fakeslack.MentionEvent(fakeslack.Event{Text: "hi"}))
	alter(slackReq, "X-Slack-Signature")
	header, sealed := fakefeishu.SignedRequest(feishuKey, nowFor(t), fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, Text: "hi"}))
	feishuReq, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/webhooks/feishu", strings.NewReader(string(sealed)))
	feishuReq.Header = header
	alter(feishuReq, "X-Lark-Signature")
	genericReq := signedRequest(t, s, "evt", `{"sender_id":"a","text":"x"}`)
	alter(genericReq, "Webhook-Signature")
	for name, req := range map[string]*http.Request{"slack": slackReq, "feishu": feishuReq, "generic": genericReq} {
		a := s.do(req)
		e, _ := a.json(t)["error"].(map[string]any)
		if a.status != http.StatusUnauthorized || e["code"] == "" || e["message"] == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if n := len(w.openai.Calls()); n != 0 {
		t.Errorf("%d model calls for forged requests", n)
	}
	if got := s.reply("bob", "/stats"); got != "Bot Statistics:\nTotal Conversations: 0\nTotal Messages: 0\nTotal Users: 0" {
		t.Errorf("something was stored: %q", got)
	}
}

func TestCommandsEndToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	for _, step := range [][2]string{
		{"/save city Paris  la Ville", "Saved preference 'city' with value 'Paris  la Ville'"},
		{"/LOAD city", "Preference 'city': Paris  la Ville"},
		{"/load nothing", "No preference found with key 'nothing'"},
		{"/load", "Usage: /load [key]"},
		{"/save x", "Usage: /save [key] [value]"},
		{"/savexyz a b", "Unknown command: /savexyz. Send /help to see available commands."},
		{"/history 0", "Usage: /history [n]"},
		{"hi", "reply to: hi"},
		{"/stats", "Bot Statistics:\nTotal Conversations: 1\nTotal Messages: 16\nTotal Users: 1"},
		{"/reset", "Conversation cleared"},
		{"/history", "No messages in history."},
	} {
		if got := s.reply("alice", step[0]); got != step[1] {
			t.Errorf("%s: got %q, want %q", step[0], got, step[1])
		}
	}
	if got := s.reply("alice", "after"); got != "reply to: after" {
		t.Errorf("got %q", got)
	}
	if got := strings.Join(w.prompts(t, 2), " | "); got != "user: after" {
		t.Errorf("the model was given commands or cleared messages: %s", got)
	}
}

func TestCommandsOverSlack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	url := w.slack.NewResponseURL()
	body := fakeslack.SlashCommand(fakeslack.Command{Command: "/parley", Text: "save city Paris", ResponseURL: url})
	for range 2 {
		if a := s.slackEvent(body); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	msgs, err := w.slack.WaitMessages(patience(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if msgs[0].Text != "Saved preference 'city' with value 'Paris'" {
		t.Errorf("%+v", msgs)
	}
}

func TestStreamStatusAndWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	body := `{"id":"evt-sse","sender_id":"alice","text":"stream this please"}`
	a := s.request(http.MethodPost, "/webhooks/generic", body, "Content-Type", "application/json", "Accept", "text/event-stream")
	var text, done string
	for block := range strings.SplitSeq(a.body, "\n\n") {
		event, data, _ := strings.Cut(block, "\ndata: ")
		switch strings.TrimPrefix(event, "event: ") {
		case "delta":
			var d struct{ Text string }
			if err := json.Unmarshal([]byte(data), &d); err != nil {
				t.Error(err)
			}
			text += d.Text
		case "done":
			done = data
		}
	}
	if text != "reply to: stream this please" || !strings.Contains(done, `"status":"completed"`) {
		t.Errorf("streamed %q, done %q of %s", text, done, a.body)
	}
	st := s.request(http.MethodGet, "/webhooks/generic/events/evt-sse", "").json(t)
	if st["status"] != "completed" || st["error"] != nil || st["reply"].(map[string]any)["text"] != text {
		t.Errorf("status %v", st)
	}
	if a := s.request(http.MethodGet, "/webhooks/generic/events/none", ""); a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.body)
	}
	release := w.openai.Hold()
	a = s.request(http.MethodPost, "/webhooks/generic", `{"sender_id":"bob","text":"slow"}`, "Content-Type", "application/json", "Prefer", "wait=1")
	if a.status != http.StatusAccepted || a.json(t)["status"] != "accepted" {
		t.Errorf("%d %s", a.status, a.body)
	}
	release()
}

func TestWaitingMessagesAreAnsweredTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	release := w.openai.Hold()
	send := func(text string) {
		if a := s.signedEvent("evt-"+text, []byte(`{"sender_id":"alice","text":"`+text+`"}`)); a.status != http.StatusAccepted {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	send("one")
	w.prompts(t, 1)
	send("two")
	send("three")
	release()
	replies, err := w.callback.WaitReplies(patience(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.prompts(t, 2), " | "); got != "user: one | assistant: reply to: one | user: two\n\nthree" {
		t.Errorf("second call was given %s", got)
	}
	if got := fmt.Sprintf("%+v", replies[1]); !strings.Contains(got, "evt-two") || !strings.Contains(got, "evt-three") {
		t.Errorf("second reply names %s", got)
	}
}
