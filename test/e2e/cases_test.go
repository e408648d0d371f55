package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// These tests are complaints of people about other gateways, each from a public
// thread, which its comment names. Rooms test the same closer by; here is the
// whole program.

// dm is a direct message on Slack. n makes its event and its time.
func dm(n int, text string) []byte {
	return fakeslack.MessageEvent(fakeslack.Event{
		EventID: fmt.Sprint("E", n), TS: fmt.Sprintf("17000000%02d.000100", n), Channel: "D1", ChannelType: "im", Text: text,
	})
}

// slackOK sends an event that must be taken.
func (s *server) slackOK(body []byte, header ...string) {
	s.t.Helper()
	req, err := fakeslack.SignedRequest(s.t.Context(), s.url+"/webhooks/slack", slackSecret, time.Now(), body)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if a := s.do(req); a.status != http.StatusOK {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
}

// slackTexts waits for n messages and returns what people see.
func (w *world) slackTexts(t *testing.T, n int) []string {
	t.Helper()
	if _, err := w.slack.WaitMessages(patience(t), n); err != nil {
		t.Fatalf("%v: %q", err, w.slack.Texts())
	}
	return w.slack.Texts()
}

func wantTexts(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("shown %q, want %q", got, want)
	}
}

// The bot answers every Slack retry: RasaHQ/rasa#3882. Dropping all retries
// instead loses what failed the first time: agno-agi/agno#10073, vercel/chat#666.
func TestCase01_SlackRetryIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	s.slackOK(dm(1, "hi"))
	for retry := range 3 {
		s.slackOK(dm(1, "hi"), "X-Slack-Retry-Num", strconv.Itoa(retry+1), "X-Slack-Retry-Reason", "http_timeout")
	}
	wantTexts(t, w.slackTexts(t, 1), "reply to: hi")
	s.slackOK(dm(2, "only the retry came"), "X-Slack-Retry-Num", "1", "X-Slack-Retry-Reason", "http_error")
	wantTexts(t, w.slackTexts(t, 2), "reply to: hi", "reply to: only the retry came")
}

// Feishu retries for seven hours, and dedupe is shorter: deepcoldy/botmux#328.
// One message under two event ids: whatwewant/chatgpt-for-chatbot-feishu#30.
func TestCase02_FeishuRetriesForHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begin := time.Now()
	var later atomic.Int64
	s := w.startWith(t, app.Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }},
		func(c *config.Config) { c.AI.ConversationPersistence.CleanupDays = 1 })
	post := func(m fakefeishu.Message) {
		header, sealed := fakefeishu.SignedRequest(feishuKey, begin, fakefeishu.MessageEvent(m))
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/webhooks/feishu", strings.NewReader(string(sealed)))
		req.Header = header
		if a := s.do(req); a.status != http.StatusOK {
			t.Fatalf("after %v: %d %s", time.Duration(later.Load()), a.status, a.body)
		}
	}
	for _, after := range []time.Duration{0, 15 * time.Second, 5 * time.Minute, time.Hour, 7*time.Hour + 6*time.Minute} {
		later.Store(int64(after))
		post(fakefeishu.Message{Token: feishuToken, MessageID: "om_1", EventID: "first", Text: "hi"})
		if _, err := w.feishu.WaitMessages(patience(t), 1); err != nil {
			t.Fatal(err)
		}
		s.runJob(t, "cleanup")
	}
	post(fakefeishu.Message{Token: feishuToken, MessageID: "om_1", EventID: "second", Text: "hi"})
	s.settled(t)
	if n := len(w.feishu.Messages()); n != 1 || len(w.openai.Calls()) != 1 {
		t.Errorf("%d replies and %d model calls for one message", n, len(w.openai.Calls()))
	}
}

// runJob runs a job by hand and waits for its end.
func (s *server) runJob(t *testing.T, name string) {
	t.Helper()
	before, _ := s.job(t, name)["runs"].(float64)
	if a := s.admin(http.MethodPost, "jobs/"+name+"/run"); a.status != http.StatusAccepted {
		t.Fatalf("%s: %d %s", name, a.status, a.body)
	}
	for ctx := patience(t); ctx.Err() == nil; pause(ctx, 10*time.Millisecond) {
		job := s.job(t, name)
		last, _ := job["last_run"].(map[string]any)
		if runs, _ := job["runs"].(float64); runs > before && last["status"] != "running" {
			return
		}
	}
	t.Fatalf("%s did not end", name)
}

// settled waits until nothing is left to be answered.
func (s *server) settled(t *testing.T) {
	t.Helper()
	open := func() (n int) {
		// In one reading: an event may go from failed to running between two.
		for _, item := range s.admin(http.MethodGet, "events?limit=1000").json(t)["items"].([]any) {
			switch item.(map[string]any)["status"] {
			case "received", "running", "failed":
				n++
			}
		}
		return n
	}
	for ctx := patience(t); open() > 0; pause(ctx, 20*time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("events stay open")
		}
	}
}

// Dedupe is forgotten at a restart: openclaw/openclaw#14431,
// ConnectAI-E/feishu-openai#122. A stale command runs again after each restart:
// NousResearch/hermes-agent#21651.
func TestCase03_RestartRemembersWhatItSaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		s := w.start(t)
		s.slackOK(dm(1, "hi"))
		s.slackOK(dm(2, "/save city Paris"))
		s.settled(t)
		s.stop()
	}
	wantTexts(t, w.slackTexts(t, 2), "reply to: hi", "Saved preference 'city' with value 'Paris'")
	s := w.start(t)
	s.slackOK(dm(3, "/history"))
	if got := w.slackTexts(t, 3)[2]; !strings.HasPrefix(got, "Last 4 messages:") {
		t.Errorf("something was stored twice: %q", got)
	}
}

// A restart drops the reply that is being made: openclaw/openclaw#38836. What
// the dead process had claimed blocks the chat for hours:
// openclaw/openclaw#96374, #124624.
func TestCase04_KilledWhileTheModelThinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.spawn(t, "only")
	s := &server{t: t, url: p.url}
	release := w.openai.Hold()
	s.slackOK(dm(1, "hi"))
	w.prompts(t, 1)
	p.kill()
	release()
	s.url = w.spawn(t, "only").url
	s.slackOK(dm(2, "still there?"))
	begin := time.Now()
	wantTexts(t, w.slackTexts(t, 2), "reply to: hi", "reply to: still there?")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the chat was blocked for %v", took)
	}
}

// What is resumed after a restart races fresh input and answers twice:
// NousResearch/hermes-agent#45682. What waits is overwritten by what comes
// next: NousResearch/hermes-agent#28503; only the last of several is answered:
// sipeed/picoclaw#2464.
func TestCase05_ResumeBesideFreshInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openai.SetReply(func(c fakeopenai.Call) string { return "covers " + newTexts(c) })
	p := w.spawn(t, "only")
	s := &server{t: t, url: p.url}
	release := w.openai.Hold()
	s.slackOK(dm(1, "[1]"))
	w.prompts(t, 1)
	for n := 2; n <= 4; n++ { // while the reply to the first is being made
		s.slackOK(dm(n, fmt.Sprintf("[%d]", n)))
	}
	p.kill()
	release()
	s.url = w.spawn(t, "only").url
	for n := 5; n <= 8; n++ { // while the first is taken up again
		s.slackOK(dm(n, fmt.Sprintf("[%d]", n)))
	}
	s.settled(t)
	covered := strings.Join(strings.Fields(strings.ReplaceAll(strings.Join(w.slack.Texts(), " "), "covers ", "")), " ") // a model is given messages in a row as one
	if covered != "[1] [2] [3] [4] [5] [6] [7] [8]" {
		t.Errorf("covered, in this order: %q", covered)
	}
}

// A send that worked is reported as failed and repeated under a new key:
// eddiearc/larkin#80. HTTP 200 with ok:false is taken for delivered:
// use-agent-os/agent-os#2526.
func TestCase06_SendReportedWrongly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.feishu.Misbehave(fakefeishu.Reply, fakefeishu.TakeThenCut(), fakefeishu.TakeThenServerError())
	w.slack.Script(fakeslack.ChatPostMessage, fakeslack.Refuse("ratelimited"))
	s := w.start(t)
	s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, Text: "hi"}))
	s.slackOK(dm(1, "hi"))
	wantTexts(t, w.slackTexts(t, 1), "reply to: hi")
	s.settled(t)
	if msgs := w.feishu.Messages(); len(msgs) != 1 || w.feishu.Requests(fakefeishu.Reply) != 3 {
		t.Errorf("%d Feishu messages after %d requests, want 1 after 3", len(msgs), w.feishu.Requests(fakefeishu.Reply))
	}
	if n := w.slack.Calls(fakeslack.ChatPostMessage); n != 2 {
		t.Errorf("%d Slack posts, want the refused one and the good one", n)
	}
}

// A model slower than the platform's three seconds, then silence:
// ConnectAI-E/feishu-openai#227.
func TestCase07_SlowModelIsNoSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	release := w.openai.Hold()
	// That they come back at all says it: the model is held until both did.
	s.slackOK(dm(1, "hi"))
	if a := s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, Text: "hi"})); a.status != http.StatusOK {
		t.Errorf("acknowledged with %d", a.status)
	}
	w.prompts(t, 2)
	release()
	wantTexts(t, w.slackTexts(t, 1), "reply to: hi")
	if _, err := w.feishu.WaitMessages(patience(t), 1); err != nil {
		t.Error(err)
	}
}

// Context bleeds between threads: openclaw/openclaw#758; between topics:
// xmanrui/dsh-im#100; between private and group chats: xorbitsai/xagent#435;
// another user's transcript is readable: HKUDS/OpenHarness#255.
func TestCase08_ContextStaysInItsThread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, func(c *config.Config) { c.AI.ConversationPersistence.Scope = "thread" })
	mention := func(n int, user, thread, text string) func() {
		return func() {
			s.slackOK(fakeslack.MentionEvent(fakeslack.Event{
				EventID: fmt.Sprint("E", n), TS: fmt.Sprintf("17000000%02d.000100", n), ThreadTS: thread, User: user,
				Text: fakeslack.Mention("") + " " + text,
			}))
		}
	}
	feishu := func(n int, chatType, chat, thread, text string) func() {
		return func() {
			m := fakefeishu.Message{Token: feishuToken, MessageID: fmt.Sprint("om_", n), ChatID: chat, ChatType: chatType, ThreadID: thread, Text: text}
			if chatType == "group" {
				m.Text = "@_user_1 " + text
				m.Mentions = []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley", Type: "bot"}}
			}
			if a := s.feishuEvent(fakefeishu.MessageEvent(m)); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
	}
	if err := w.feishu.WaitRequests(patience(t), fakefeishu.BotInfo, 1); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		say  func()
		want string
	}{
		{mention(1, "U1", "", "one"), "user: one"},
		{mention(2, "U1", "", "two"), "user: two"}, // another thread
		{mention(3, "U1", "1700000001.000100", "three"), "user: one | assistant: reply to: one | user: three"},
		{mention(4, "U2", "1700000001.000100", "four"), "user: four"}, // somebody else in it
		{func() { s.slackOK(dm(5, "five")) }, "user: five"},           // in private
		{feishu(6, "group", "oc_1", "omt_1", "six"), "user: six"},     // a topic
		{feishu(7, "group", "oc_1", "omt_2", "seven"), "user: seven"}, // another one
		{feishu(8, "group", "oc_1", "", "eight"), "user: eight"},      // outside topics
		{feishu(9, "p2p", "oc_2", "", "nine"), "user: nine"},          // in private
		{feishu(10, "group", "oc_3", "omt_1", "ten"), "user: ten"},    // another chat
		{feishu(11, "group", "oc_1", "omt_1", "more"), "user: six | assistant: reply to: six | user: more"},
	} {
		step.say()
		if got := strings.Join(w.prompts(t, i+1), " | "); got != step.want {
			t.Errorf("step %d: the model was given %q, want %q", i+1, got, step.want)
		}
		s.settled(t)
	}
}

// A link's preview arrives as message_changed and is answered fifty times:
// CopilotKit/CopilotKit#6717. Two bots talk to each other for ever:
// NousResearch/hermes-agent#34593.
func TestCase09_PreviewsAndBotsAreNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	for i := range 50 {
		s.slackOK(fakeslack.EventCallback(fakeslack.Event{EventID: fmt.Sprint("Ev", i)}, map[string]any{
			"type": "message", "subtype": "message_changed", "channel": "D1", "channel_type": "im", "ts": fmt.Sprintf("1700000100.%06d", i),
			"message": map[string]any{"type": "message", "user": "U00000001", "text": "https://example.com", "ts": "1700000001.000100"},
		}))
		s.slackOK(fakeslack.MessageEvent(fakeslack.Event{
			EventID: fmt.Sprint("Bot", i), TS: fmt.Sprintf("1700000200.%06d", i), Channel: "D1", ChannelType: "im", Text: "I am a bot",
			More: map[string]any{"bot_id": "B2", "app_id": "A2"},
		}))
	}
	s.slackOK(dm(1, "hi"))
	s.settled(t)
	wantTexts(t, w.slackTexts(t, 1), "reply to: hi")
}

// The context length is exceeded: mindsdb/mindshub#10797. Trimming leaves a
// tool's result without its call, and every call after that is refused:
// dataelement/Clawith#415. (The fake model refuses it as the real one does.)
func TestCase10_LongHistoryWithToolsFits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const limit = 200
	s := w.start(t, func(c *config.Config) { c.AI.ContextTokens, c.AI.Compaction = limit, false })
	var messages []map[string]any
	for i := range 20 {
		id := fmt.Sprint("call_", i)
		call := map[string]any{"id": id, "type": "function", "function": map[string]any{"name": "look", "arguments": "{}"}}
		messages = append(messages,
			map[string]any{"role": "user", "content": "what is it? " + strings.Repeat("really ", 10*(i%3))},
			map[string]any{"role": "assistant", "content": "", "metadata": map[string]any{"tool_calls": []any{call}}},
			map[string]any{"role": "tool", "content": strings.Repeat("fact ", 10+i), "metadata": map[string]any{"tool_call_id": id, "tool_name": "look"}},
			map[string]any{"role": "assistant", "content": "it is a fact"})
	}
	for i := range messages {
		messages[i]["timestamp"] = time.Now().Add(time.Duration(i-1000) * time.Second).UTC().Format(time.RFC3339)
	}
	archive, _ := json.Marshal(map[string]any{
		"conversation": map[string]any{"user_key": "generic:private:alice", "platform": "generic", "chat_id": "alice"}, "messages": messages,
	})
	a := s.request(http.MethodPost, "/api/v1/conversations/import", string(archive), "Authorization", "Bearer "+adminToken, "Content-Type", "application/json")
	if a.status >= 300 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for i := range 12 {
		text := fmt.Sprint(i, strings.Repeat(" more", i*5))
		if got := s.reply("alice", text); got != "reply to: "+text {
			t.Errorf("message %d: %q", i, got)
		}
		words := len(strings.Fields(strings.Join(w.prompts(t, i+1), " ")))
		if words > limit {
			t.Errorf("message %d: the model was given %d words", i, words)
		}
	}
	if n := len(w.openai.Calls()); n != 12 {
		t.Errorf("%d calls for 12 messages", n)
	}
}

// "database is locked": AstrBotDevs/AstrBot#6443. A scheduled VACUUM freezes
// the server: diegosouzapw/OmniRoute#12821, blinklabs-io/dingo#4535. (That
// tables do not grow without bound, langchain-ai/langgraphjs#1138, is tested by
// gateway/inbox and conversation.)
func TestCase11_MaintenanceLocksNobodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	control := slowestOf(t, s, "control", func() {})
	s.settled(t)
	took := slowestOf(t, s, "evt", func() {
		for _, job := range []string{"vacuum", "backup", "cleanup", "report", "vacuum", "backup"} {
			s.runJob(t, job)
		}
	})
	s.settled(t)
	if took > 3*time.Second+3*control {
		t.Errorf("the slowest acknowledgement took %v, without maintenance %v", took, control)
	}
}

// slowestOf has sixteen people write 20 messages each beside that, and returns
// how long the slowest acknowledgement took.
func slowestOf(t *testing.T, s *server, name string, beside func()) time.Duration {
	t.Helper()
	took := make([]time.Duration, 16)
	var writers sync.WaitGroup
	for i := range took {
		writers.Go(func() {
			for n := range 20 {
				begin := time.Now()
				a := s.signedEvent(fmt.Sprintf("%s-%d-%d", name, i, n), []byte(fmt.Sprintf(`{"sender_id":"u%d","text":"hi"}`, i)))
				took[i] = max(took[i], time.Since(begin))
				if a.status != http.StatusAccepted {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	beside()
	writers.Wait()
	return slices.Max(took)
}

// Unsigned requests and a blank secret are accepted: use-agent-os/agent-os#674.
// Feishu's encrypted challenge has no signature and is refused, so that nobody
// can set it up: openclaw/openclaw#58905.
func TestCase12_UnsignedIsRefusedButTheChallengeIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t)
	for path, body := range map[string]string{
		"/webhooks/slack":          string(dm(1, "hi")),
		"/webhooks/feishu":         string(fakefeishu.Encrypt(feishuKey, fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, Text: "hi"}))),
		"/webhooks/generic/signed": `{"sender_id":"alice","text":"hi"}`,
	} {
		if a := s.request(http.MethodPost, path, body, "Content-Type", "application/json"); a.status != http.StatusUnauthorized {
			t.Errorf("unsigned %s: %d %s", path, a.status, a.body)
		}
	}
	for token, want := range map[string]int{feishuToken: http.StatusOK, "wrong": http.StatusUnauthorized} {
		_, sealed := fakefeishu.ChallengeRequest(feishuKey, token, "abc")
		a := s.request(http.MethodPost, "/webhooks/feishu", string(sealed), "Content-Type", "application/json")
		if a.status != want || want == http.StatusOK && a.json(t)["challenge"] != "abc" {
			t.Errorf("challenge with token %q: %d %s", token, a.status, a.body)
		}
	}
	blank := elsewhere(t, func(c *config.Config) { c.Platforms.Slack.SigningSecret = "" })
	req, _ := fakeslack.SignedRequest(t.Context(), blank.url+"/webhooks/slack", "", time.Now(), dm(1, "hi"))
	if a := blank.do(req); a.status < 400 {
		t.Errorf("signed with a blank secret: %d %s", a.status, a.body)
	}
}

// elsewhere is another gateway in a world of its own.
func elsewhere(t *testing.T, change func(*config.Config)) *server {
	t.Helper()
	return newWorld(t).start(t, change)
}

// A long answer vanishes: lightdash/lightdash#24512, since an update takes fewer
// characters than a post (NousResearch/hermes-agent#111336) and messages of
// many blocks fail (slackapi/bolt-js#2509).
func TestCase13_LongSlackReplyArrivesWhole(t *testing.T) {
	t.Parallel()
	w, tokens := newFaultWorld(t, 40)
	s := w.start(t)
	s.slackOK(dm(1, "hi"))
	if got := w.outcome(t, s, "E1", tokens); got != "one reply" {
		t.Error(got)
	}
	for i, text := range w.slack.Texts() {
		if n := len([]rune(text)); n > 13000 {
			t.Errorf("message %d has %d characters", i, n)
		}
	}
}

// Feishu counts bytes, three for a Chinese character: topcheer/ggcode#757.
func TestCase14_LongChineseFeishuReplyArrivesWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sentence := strings.Repeat("你好世界", 100) + "。\n"
	w.openai.SetReply(func(fakeopenai.Call) string { return strings.Repeat(sentence, 150) }) // 180 KB
	s := w.start(t, longReplies)
	s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{Token: feishuToken, Text: "hi"}))
	s.settled(t)
	var whole strings.Builder
	for i, m := range w.feishu.Messages() {
		whole.WriteString(m.Text)
		if len(m.Content) > 150<<10 {
			t.Errorf("message %d has %d bytes", i, len(m.Content))
		}
	}
	if n := strings.Count(whole.String(), "你好世界"); n != 100*150 {
		t.Errorf("%d of %d words arrived", n, 100*150)
	}
}

// longReplies lets a reply be as long as a test of several messages needs.
func longReplies(c *config.Config) { c.Gateway.MaxReply = 1 << 20 }

// An emoji is cut in half at a message's edge: elizaOS/eliza#22217.
func TestCase15_EmojiIsNotCut(t *testing.T) {
	t.Parallel()
	const family = "👩‍👩‍👧‍👦"
	w := newWorld(t)
	w.openai.SetReply(func(fakeopenai.Call) string { return "x" + strings.Repeat(family, 4000) })
	s := w.start(t, longReplies)
	s.slackOK(dm(1, "hi"))
	s.settled(t)
	total := 0
	for i, text := range w.slack.Texts() {
		total += strings.Count(text, family)
		if rest := strings.ReplaceAll(text, family, ""); strings.Trim(rest, "x\n ") != "" {
			t.Errorf("message %d holds pieces of a family: %q", i, rest)
		}
	}
	if total != 4000 || len(w.slack.Texts()) < 2 {
		t.Errorf("%d families in %d messages", total, len(w.slack.Texts()))
	}
}
