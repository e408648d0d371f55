package feishu_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// Complaints about other gateways, each as a test of ours.

// event wraps the event of a message in an envelope.
func event(message string) []byte {
	return []byte(`{"schema":"2.0","header":{"event_id":"e1","event_type":"im.message.receive_v1","token":"` + testToken +
		`","app_id":"cli_test","tenant_key":"tenant_1","create_time":1763640000000},"event":{"sender":{"sender_type":"user","sender_id":{"open_id":"ou_a"}},"message":` + message + `}}`)
}

// Case 18: a code that nobody listed: tried again under the same uuid.
func TestCase18UnlistedCodesAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []int{2200, 230101, 987654} {
		a, fake := newSender(t)
		fake.Misbehave(fakefeishu.Reply, fakefeishu.Code(400, code, "odd"))
		_, err := a.Send(t.Context(), toReply, part("key", "hello"))
		if failure.KindOf(err) != failure.Retry {
			t.Errorf("%d: %v", code, err)
		}
		if _, err := a.Send(t.Context(), toReply, part("key", "hello")); err != nil {
			t.Errorf("%d, again: %v", code, err)
		}
		if shown := fake.Messages(); len(shown) != 1 || shown[0].UUID != "key" {
			t.Errorf("%d: shown %+v", code, shown)
		}
	}
}

// Case 21: what the reply answers is gone: it is shown in the chat, except
// inside a topic, where it would reach the wrong people.
func TestCase21WhatIsAnsweredIsGone(t *testing.T) {
	t.Parallel()
	for _, code := range []int{231003, 230011, 230019, 230050, 230071, 230072, 230110} {
		a, fake := newSender(t)
		fake.Misbehave(fakefeishu.Reply, fakefeishu.Code(400, code, "gone"), fakefeishu.Code(400, code, "gone"))
		if _, err := a.Send(t.Context(), toReply, part("key", "hello")); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		if shown := fake.Messages(); len(shown) != 1 || shown[0].ReplyTo != "" || shown[0].ChatID != "oc_1" {
			t.Errorf("%d: shown %+v", code, shown)
		}
		topic := toReply
		topic.ThreadID = "om_first"
		_, err := a.Send(t.Context(), topic, part("key-2", "secret of the topic"))
		if failure.KindOf(err) != failure.Permanent || len(fake.Messages()) != 1 || fake.Requests(fakefeishu.Create) != 1 {
			t.Errorf("%d in a topic: %v, shown %+v", code, err, fake.Messages())
		}
	}
}

// Case 28: the message that opens a topic comes without its id, the next with it.
func TestCase28TopicIsOneConversation(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	opening := receive(t, a, event(`{"message_id":"om_1","chat_id":"oc_1","chat_type":"topic_group","message_type":"text","content":"{\"text\":\"one\"}"}`))
	next := receive(t, a, event(`{"message_id":"om_2","root_id":"om_1","parent_id":"om_1","thread_id":"omt_1","chat_id":"oc_1","chat_type":"topic_group",
		"message_type":"text","content":"{\"text\":\"two\"}"}`))
	if opening.ThreadID == "" || opening.ThreadID != next.ThreadID {
		t.Errorf("topics %q and %q", opening.ThreadID, next.ThreadID)
	}
	if opening.ReplyTo.ThreadID == "" {
		t.Error("the answer to the opening would leave its topic")
	}
	inGroup := receive(t, a, event(`{"message_id":"om_3","root_id":"om_1","thread_id":"omt_1","chat_id":"oc_1","chat_type":"group",
		"message_type":"text","content":"{\"text\":\"three\"}"}`))
	if inGroup.ThreadID != next.ThreadID {
		t.Errorf("in a group the topic is %q", inGroup.ThreadID)
	}
	plain := receive(t, a, event(`{"message_id":"om_4","root_id":"om_1","parent_id":"om_1","chat_id":"oc_1","chat_type":"group",
		"message_type":"text","content":"{\"text\":\"four\"}"}`))
	if plain.ThreadID != "" {
		t.Errorf("an answer outside topics is in %q", plain.ThreadID)
	}
}

// A group in the form of topics is called a group like any other. The first answer
// there tells.
func TestCase28GroupInTheFormOfTopics(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Know("om_asked", "oc_1")
	fake.TopicsOnly("oc_1")
	if _, err := a.Send(t.Context(), toReply, part("key", "hello")); err != nil {
		t.Fatal(err)
	}
	opening := receive(t, a, event(`{"message_id":"om_1","chat_id":"oc_1","chat_type":"group","message_type":"text","content":"{\"text\":\"one\"}"}`))
	next := receive(t, a, event(`{"message_id":"om_2","root_id":"om_1","thread_id":"omt_1","chat_id":"oc_1","chat_type":"group","message_type":"text","content":"{\"text\":\"two\"}"}`))
	elsewhere := receive(t, a, event(`{"message_id":"om_3","chat_id":"oc_2","chat_type":"group","message_type":"text","content":"{\"text\":\"three\"}"}`))
	if opening.ThreadID != "om_1" || next.ThreadID != "om_1" || elsewhere.ThreadID != "" {
		t.Errorf("topics %q, %q and %q", opening.ThreadID, next.ThreadID, elsewhere.ThreadID)
	}
}

// What is for one person's eyes is not shown to a whole group.
func TestPrivateInAGroup(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	to := platforms.Address{ChatID: "oc_1", MessageID: "om_asked", UserKey: "feishu:group:ou_a", Private: true}
	_, err := a.Send(t.Context(), to, part("key", "secret"))
	wantKind(t, err, failure.Permanent, "no_person")
	if a.Whispers(to) {
		t.Error("a whisper to nobody")
	}
	to.UserID, to.UserKey = "ou_a", "" // nobody knows who reads along
	if !a.Whispers(to) {
		t.Error("no whisper")
	}
	if _, err := a.Send(t.Context(), to, part("key", "secret")); err != nil {
		t.Fatal(err)
	}
	if shown := fake.Messages(); len(shown) != 1 || shown[0].OnlyFor != "ou_a" || shown[0].Text != "secret" || a.Streams(to) || a.TakesFile(to) {
		t.Errorf("shown %+v", shown)
	}
	if finding, _, err := a.Find(t.Context(), to, part("key", "secret"), arrival); finding != platforms.Unknowable || err != nil {
		t.Errorf("found %d, %v", finding, err)
	}
	to.UserKey = "feishu:private:ou_a"
	if _, err := a.Send(t.Context(), to, part("key", "secret")); err != nil || fake.Messages()[1].OnlyFor != "" {
		t.Errorf("in private: %v, %+v", err, fake.Messages())
	}
}

// Store apps get tickets and no custom app does: the log says what is wrong.
func TestStoreApp(t *testing.T) {
	t.Parallel()
	got := receive(t, newAdapter(t), []byte(`{"uuid":"u1","token":"`+testToken+`","type":"event_callback","ts":"1","event":{"type":"app_ticket","app_id":"cli_test","app_ticket":"x"}}`))
	if !strings.Contains(got.Ignore, "store app") {
		t.Errorf("ignored for %q", got.Ignore)
	}
}

// Case 29: fields of another type.
func TestCase29FieldsOfAnotherType(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	got := receive(t, a, event(`{"message_id":"om_1","chat_id":"oc_1","chat_type":"group","message_type":"text",
		"content":{"text":"@_user_1 hello"},"create_time":1763640000000,"update_time":false,"user_agent":{"os":"mac"},
		"mentions":[{"key":"@_user_1","id":"ou_bot","name":"Parley"},7]}`))
	if got.Text != "hello" || !got.Mentioned || got.Ignore != "" || got.SenderID != "ou_a" {
		t.Errorf("got %+v", got)
	}
	numbers := receive(t, a, []byte(`{"schema":2,"header":{"event_id":12345,"event_type":"im.message.receive_v1","token":"`+testToken+`","app_id":"cli_test","tenant_key":7},
		"event":{"sender":{"sender_id":"ou_a","sender_type":"user","tenant_key":7},"message":{"message_id":99,"chat_id":88,"chat_type":"p2p","message_type":"text","content":"{\"text\":42}"}}}`))
	if numbers.ID != "12345" || numbers.ChatID != "88" || numbers.MessageKey != "99" || numbers.SenderID != "ou_a" || numbers.Text != "42" || numbers.Ignore != "" {
		t.Errorf("got %+v", numbers)
	}
}

// Case 30: rich texts with something odd in them.
func TestCase30OddElements(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind, content, mentions, want string
		mentioned                     bool
	}{
		"odd elements":        {"post", `{"content":[[{"tag":"text","text":"a"},7,null,{"tag":3},"b",["c"]],{"tag":"text","text":"d"},"e",[{"tag":"text","text":{"content":"f"}}]]}`, "", "ab\nd\ne\nf", false},
		"at without mentions": {"post", `{"content":[[{"tag":"at","user_id":"ou_bot","user_name":"Parley"},{"tag":"text","text":" hello"}]]}`, "", "hello", true},
		"at by key":           {"post", `{"content":[[{"tag":"at","user_id":"@_user_1","user_name":"Parley"},{"tag":"text","text":" hello"}]]}`, "", "hello", true},
		"at somebody":         {"post", `{"content":[[{"tag":"at","user_id":"ou_bob","user_name":"Bob"},{"tag":"text","text":" hello"}]]}`, "", "@Bob hello", false},
		"key without list":    {"text", `{"text":"@_user_1 hello"}`, "", "hello", true},
		"markdown":            {"post", `{"content":[[{"tag":"markdown","content":"**bold**"}]]}`, "", "**bold**", false},
		"second form":         {"post", `{"title":"","content":[[{"tag":"text","text":"bold"}]],"content_v2":[[{"tag":"md","text":"**bold**"}]]}`, "", "**bold**", false},
		"broken second form":  {"post", `{"content":[[{"tag":"text","text":"bold"}],[]],"content_v2":"x"}`, "", "bold\n", false},
		"a card":              {"interactive", `{"title":"T","elements":[[{"tag":"text","text":"a"},{"tag":"button","text":"b"}]]}`, "", "T\nab", false},
		"a card of today":     {"interactive", `{"schema":"2.0","header":{"title":{"tag":"plain_text","content":"T"}},"body":{"elements":[{"tag":"markdown","content":"a"}]}}`, "", "T\na", false},
		"a type nobody knows": {"richer", `{"text":"hello"}`, "", "hello", false},
		"key in code":         {"post", `{"content":[[{"tag":"code_block","text":"@_user_1"}]]}`, `[{"key":"@_user_2","id":{"open_id":"ou_x"}}]`, "```\n@_user_1\n```", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content, err := json.Marshal(tc.content)
			if err != nil {
				t.Fatal(err)
			}
			mentions := ""
			if tc.mentions != "" {
				mentions = `,"mentions":` + tc.mentions
			}
			got := receive(t, newAdapter(t), event(`{"message_id":"om_1","chat_id":"oc_1","chat_type":"group","message_type":"`+tc.kind+`","content":`+string(content)+mentions+`}`))
			if got.Text != tc.want || got.Mentioned != tc.mentioned || got.Ignore != "" {
				t.Errorf("got %q, mentioned %v, ignored %q", got.Text, got.Mentioned, got.Ignore)
			}
		})
	}
}

// A picture in a private chat gets a sentence, in a group nothing.
func TestMediaInPrivate(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for _, kind := range []string{"image", "file", "audio", "media", "sticker", "share_user"} {
		private := receive(t, a, message(func(m *fakefeishu.Message) { m.Type, m.Content = kind, `{"file_key":"k"}` }))
		if private.Ignore != "" || !private.Unreadable || private.Text != "["+kind+"]" {
			t.Errorf("%s: %+v", kind, private)
		}
		group := receive(t, a, message(func(m *fakefeishu.Message) { m.ChatType, m.Type, m.Content = "group", kind, `{"file_key":"k"}` }))
		if group.Ignore == "" || group.Unreadable {
			t.Errorf("%s in a group: %+v", kind, group)
		}
	}
}

// What is verified and not understood is kept with the reason, and the admin is
// told once.
func TestOddEventsAreKeptWithOneWarning(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := newAdapter(t, func(o *feishu.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	odd := fakefeishu.V2Event("contact.user.updated_v3", fakefeishu.Message{AppID: testApp, Token: testToken, At: arrival}, map[string]any{"object": 1})
	for range 3 {
		if got := receive(t, a, odd); got.Ignore != "unsupported event contact.user.updated_v3" {
			t.Errorf("got %+v", got)
		}
	}
	long := receive(t, a, message(func(m *fakefeishu.Message) { m.ChatID = strings.Repeat("x", 300) }))
	if !strings.HasPrefix(long.Ignore, "not understood: ") {
		t.Errorf("got %+v", long)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings: %s", n, log.String())
	}
}

func TestAroundMessages(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	v2 := func(eventType, body string) platforms.Event {
		return receive(t, a, fakefeishu.V2Event(eventType, fakefeishu.Message{AppID: testApp, Token: testToken, At: arrival}, json.RawMessage(body)))
	}
	added := v2("im.chat.member.bot.added_v1", `{"chat_id":"oc_g","operator_id":{"open_id":"ou_a"},"name":"Team"}`)
	if added.Ignore != "" || added.Text != "" || !added.Mentioned || added.ChatType != platforms.Group || added.ReplyTo.ChatID != "oc_g" || added.ReplyTo.MessageID != "" {
		t.Errorf("added: %+v", added)
	}
	unknown := v2("application.bot.menu_v6", `{"event_key":"reset","operator":{"operator_id":{"open_id":"ou_a"},"operator_name":"A"}}`)
	if unknown.Kind != platforms.KindCommand || unknown.Text != "reset" || unknown.ReplyTo.ChatID != "ou_a" || unknown.Ignore != "" {
		t.Errorf("menu: %+v", unknown)
	}
	entered := v2("im.chat.access_event.bot_p2p_chat_entered_v1", `{"chat_id":"oc_p","operator_id":{"open_id":"ou_a"}}`)
	if entered.Ignore != "" || entered.ChatType != platforms.Private || !entered.Mentioned || entered.Text != "" {
		t.Errorf("entered: %+v", entered)
	}
	again := v2("im.chat.access_event.bot_p2p_chat_entered_v1", `{"chat_id":"oc_p","operator_id":{"open_id":"ou_a"},"last_message_id":"om_1"}`)
	if again.Ignore != "chat opened" {
		t.Errorf("entered again: %+v", again)
	}
	menu := v2("application.bot.menu_v6", `{"event_key":"/save city Paris","operator":{"operator_id":{"open_id":"ou_a"}}}`)
	if menu.Text != "save city Paris" || menu.ChatID != "oc_p" || menu.UserKey() != "feishu:private:ou_a" {
		t.Errorf("menu: %+v", menu)
	}
}

// A person whose private chat is not known is written to by their open_id.
func TestSendToAPerson(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	if _, err := a.Send(t.Context(), platforms.Address{ChatID: "ou_a", UserID: "ou_a"}, part("key", "hello")); err != nil {
		t.Fatal(err)
	}
	if shown := fake.Messages(); len(shown) != 1 || shown[0].ChatID != "ou_a" {
		t.Errorf("shown %+v", shown)
	}
}

func TestLimitsHaveTheirScope(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	for code, scope := range map[int]string{230020: "chat:oc_1", 99991400: "app", 11232: "app"} {
		fake.Misbehave(fakefeishu.Reply, fakefeishu.Code(400, code, "slow"))
		_, err := a.Send(t.Context(), toReply, part("key", "x"))
		if failure.ScopeOf(err) != scope || failure.KindOf(err) != failure.Retry {
			t.Errorf("%d: scope %q: %v", code, failure.ScopeOf(err), err)
		}
	}
	for _, l := range a.Limits(toReply, platforms.CallSend) {
		if l.Every <= 0 || l.Every > time.Second || l.Scope != "app" && l.Scope != "chat:oc_1" {
			t.Errorf("limit %+v", l)
		}
	}
}

// What a message answers or forwards is read for the model.
func TestQuoted(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Say(fakefeishu.Message{MessageID: "om_parent", Text: "@_user_1 the plan", Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bob", Name: "Bob"}}})
	answer := receive(t, a, event(`{"message_id":"om_1","parent_id":"om_parent","root_id":"om_parent","chat_id":"oc_1","chat_type":"p2p","message_type":"text","content":"{\"text\":\"what of it?\"}"}`))
	if text, err := a.Quoted(t.Context(), answer); err != nil || text != "@Bob the plan" || answer.Ignore != "" {
		t.Errorf("got %q, %v: %+v", text, err, answer)
	}
	forward := receive(t, a, event(`{"message_id":"om_2","chat_id":"oc_1","chat_type":"p2p","message_type":"merge_forward","content":"Merged and Forwarded Message"}`))
	fake.Say(fakefeishu.Message{MessageID: "om_2", Type: "merge_forward", Content: "Merged and Forwarded Message"},
		fakefeishu.Message{MessageID: "om_3", Sender: "ou_a", Text: "one"}, fakefeishu.Message{MessageID: "om_4", Sender: "ou_b", Text: "two"})
	if text, err := a.Quoted(t.Context(), forward); err != nil || text != "ou_a: one\nou_b: two" || forward.Ignore != "" || forward.Unreadable {
		t.Errorf("got %q, %v: %+v", text, err, forward)
	}
	fake.Recall("om_parent")
	if text, err := a.Quoted(t.Context(), answer); err != nil || text != "" {
		t.Errorf("taken back: %q, %v", text, err)
	}
}
