package feishu_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// receive returns the one event of a signed body.
func receive(t *testing.T, a *feishu.Adapter, body []byte) platforms.Event {
	t.Helper()
	in, err := a.Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, body)))
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Events) != 1 {
		t.Fatalf("%d events", len(in.Events))
	}
	if err := in.Events[0].Validate(); err != nil {
		t.Errorf("not valid: %v", err)
	}
	return in.Events[0]
}

func TestMessageBecomesEvent(t *testing.T) {
	t.Parallel()
	sent := arrival.Add(-90 * time.Second)
	got := receive(t, newAdapter(t), message(func(m *fakefeishu.Message) {
		m.EventID, m.MessageID, m.ChatID, m.ThreadID, m.ChatType = "ev_1", "om_1", "oc_1", "omt_1", "group"
		m.At, m.Text = sent, "@_user_1 /save city  Paris"
		m.Mentions = []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}}
	}))
	want := platforms.Event{
		Platform: "feishu", Tenant: "tenant_1", App: testApp, ID: "ev_1", MessageKey: "om_1",
		Kind: platforms.KindMessage, ChatType: platforms.Group, ChatID: "oc_1", ThreadID: "omt_1",
		SenderID: "ou_alice", Text: "/save city  Paris", Mentioned: true, SentAt: sent,
		ReplyTo: platforms.Address{
			Tenant: "tenant_1", ChatID: "oc_1", ThreadID: "omt_1", MessageID: "om_1", UserID: "ou_alice",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if key := got.UserKey(); key != "feishu:group:ou_alice" {
		t.Errorf("user key %s", key)
	}
}

// Whoever is of another tenant than the app is a guest, where the event tells.
func TestGuestsAreOfAnotherTenant(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for home, want := range map[string]string{"": "", "tenant_1": "", "tenant_2": "tenant_2"} {
		said := receive(t, a, message(func(m *fakefeishu.Message) { m.ChatType, m.Home = "group", home }))
		pressed := receive(t, a, fakefeishu.CardEvent(fakefeishu.Card{
			Message: fakefeishu.Message{EventID: "ev_c", AppID: testApp, Token: testToken, At: arrival, Home: home}, Value: "again",
		}))
		if said.Guest != want || pressed.Guest != want || said.Tenant != "tenant_1" || pressed.Tenant != "tenant_1" {
			t.Errorf("home %q: guest %q and %q of %q, want %q", home, said.Guest, pressed.Guest, said.Tenant, want)
		}
	}
	untold := receive(t, a, []byte(`{"schema":"2.0","header":{"event_id":"e","event_type":"im.message.receive_v1","token":"`+testToken+`","app_id":"`+testApp+`"},
		"event":{"sender":{"sender_id":{"open_id":"ou_a"},"sender_type":"user","tenant_key":"tenant_2"},"message":{"message_id":"om","chat_id":"oc","chat_type":"p2p","message_type":"text","content":"{\"text\":\"hi\"}"}}}`))
	if untold.Guest != "" {
		t.Errorf("a guest of nobody: %q", untold.Guest)
	}
}

func TestSchema1BecomesTheSameEvent(t *testing.T) {
	t.Parallel()
	got := receive(t, newAdapter(t), fakefeishu.MessageEventV1(fakefeishu.Message{
		EventID: "uuid-1", AppID: testApp, Token: testToken, MessageID: "om_1", ChatID: "oc_1", ChatType: "group",
		Text: "hello", At: arrival, Mentions: []fakefeishu.Mention{{OpenID: "ou_bot", Name: "Parley"}},
	}))
	want := platforms.Event{
		Platform: "feishu", Tenant: "tenant_1", App: testApp, ID: "uuid-1", MessageKey: "om_1",
		Kind: platforms.KindMessage, ChatType: platforms.Group, ChatID: "oc_1", SenderID: "ou_alice",
		Text: "hello", Mentioned: true, SentAt: arrival,
		ReplyTo: platforms.Address{Tenant: "tenant_1", ChatID: "oc_1", MessageID: "om_1", UserID: "ou_alice"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSchema1Details(t *testing.T) {
	t.Parallel()
	v1 := func(event string) []byte {
		return []byte(`{"uuid":"u1","token":"` + testToken + `","type":"event_callback","ts":"x","event":` + event + `}`)
	}
	a := newAdapter(t)
	private := receive(t, a, v1(`{"type":"message","app_id":"cli_test","open_chat_id":"oc_1","chat_type":"private","msg_type":"post",
		"employee_id":"e1","title":"Plans","text":"ask <at open_id=\"ou_bob\">@Bob</at> first"}`))
	if private.ChatType != platforms.Private || private.SenderID != "e1" || private.Text != "Plans\nask @Bob first" || private.Ignore != "" || !private.SentAt.Equal(arrival) {
		t.Errorf("got %+v", private)
	}
	for want, event := range map[string]string{
		"unsupported event add_bot": `{"type":"add_bot","app_id":"cli_test","open_chat_id":"oc_1"}`,
		"nothing to read: image":    `{"type":"message","app_id":"cli_test","open_chat_id":"oc_1","msg_type":"image","open_id":"ou_1"}`,
		"":                          `{"type":"message","app_id":"cli_test","open_chat_id":"oc_1","msg_type":"text","open_id":"ou_1","is_mention":true,"text":"<at open_id=\"ou_bot\">@Parley</at>"}`,
		"no text":                   `{"type":"message","app_id":"cli_test","open_chat_id":"oc_1","msg_type":"text","open_id":"ou_1","text":"  "}`,
		"no sender":                 `{"type":"message","app_id":"cli_test","open_chat_id":"oc_1","msg_type":"text","text":"x"}`,
	} {
		if got := receive(t, a, v1(event)); got.Ignore != want {
			t.Errorf("got %q, want %q", got.Ignore, want)
		}
	}
}

func TestSenderAndTime(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	event := func(sender, created string) platforms.Event {
		body := `{"schema":"2.0","header":{"event_id":"e","event_type":"im.message.receive_v1","token":"` + testToken +
			`","app_id":"cli_test"},"event":{"sender":{"sender_type":"user","sender_id":` + sender + `},"message":{"message_id":"om_1",
			"chat_id":"oc_1","chat_type":"p2p","message_type":"text","content":"{\"text\":\"x\"}","create_time":"` + created + `"}}}`
		return receive(t, a, []byte(body))
	}
	for sender, want := range map[string]string{
		`{"open_id":"o","user_id":"u","union_id":"n"}`:  "o",
		`{"open_id":"","user_id":"u","union_id":"n"}`:   "u",
		`{"open_id":null,"user_id":"","union_id":"on"}`: "on",
	} {
		if got := event(sender, ""); got.SenderID != want || got.Ignore != "" {
			t.Errorf("%s: sender %q, ignore %q", sender, got.SenderID, got.Ignore)
		}
	}
	if got := event(`{}`, ""); got.Ignore != "no sender" {
		t.Errorf("without a sender: %+v", got)
	}
	for _, created := range []string{"", "x", "0", "-1", "9223372036854775807", "4102444800000"} {
		if got := event(`{"open_id":"o"}`, created); !got.SentAt.Equal(arrival) {
			t.Errorf("created %s: sent at %s", created, got.SentAt)
		}
	}
}

// With the scope for it, Feishu says which client a message was written in.
func TestLocaleOfTheClient(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for agent, want := range map[string]string{
		"":  "",
		"x": "",
		"Mozilla/5.0 (Macintosh) Lark/6.7.5 LarkLocale/en_US ttnet SDK-Version/6.7.8": "en-US",
		"LarkLocale/zh_CN":      "zh-CN",
		"LarkLocale/ Lark/6":    "",
		"LarkLocale/<b>zh</b> ": "",
	} {
		quoted, err := json.Marshal(agent)
		if err != nil {
			t.Fatal(err)
		}
		got := receive(t, a, []byte(`{"schema":"2.0","header":{"event_id":"e","event_type":"im.message.receive_v1","token":"`+testToken+
			`","app_id":"cli_test"},"event":{"sender":{"sender_type":"user","sender_id":{"open_id":"o"}},"message":{"message_id":"om_1",
			"chat_id":"oc_1","chat_type":"p2p","message_type":"text","content":"{\"text\":\"x\"}","user_agent":`+string(quoted)+`}}}`))
		if got.Locale != want {
			t.Errorf("%q: locale %q, want %q", agent, got.Locale, want)
		}
	}
}

// Case 9: what must not be answered.
func TestIgnored(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	v2 := func(eventType string, event any) []byte {
		return fakefeishu.V2Event(eventType, fakefeishu.Message{AppID: testApp, Token: testToken, At: arrival}, event)
	}
	chat := map[string]any{"chat_id": "oc_1", "message_id": "om_1"}
	for _, tc := range []struct {
		want, chatID string
		body         []byte
	}{
		{"sent by a bot", "oc_1", message(func(m *fakefeishu.Message) { m.SenderType = "bot" })},
		{"sent by a bot", "oc_1", message(func(m *fakefeishu.Message) { m.SenderType = "app" })},
		{"own message", "oc_1", message(func(m *fakefeishu.Message) { m.Sender, m.SenderType = "ou_bot", "app" })},
		{"nothing to read: image", "oc_1", message(func(m *fakefeishu.Message) { m.ChatType, m.Type, m.Content = "group", "image", `{"image_key":"k"}` })},
		{"unsupported message type share_user", "oc_1", message(func(m *fakefeishu.Message) { m.ChatType, m.Type, m.Content = "group", "share_user", `{"user_id":"u"}` })},
		{"not understood: message content", "oc_1", message(func(m *fakefeishu.Message) { m.Content = `{` })},
		{"no text", "oc_1", message(func(m *fakefeishu.Message) { m.Type, m.Content = "post", `{"zh_cn":3}` })},
		{"no text", "oc_1", message(func(m *fakefeishu.Message) { m.Text = "  \n" })},
		{"message edited", "oc_1", v2("im.message.updated_v1", chat)},
		{"message recalled", "oc_1", v2("im.message.recalled_v1", chat)},
		{"unsupported event im.message.message_read_v1", "oc_1", v2("im.message.message_read_v1", chat)},
		{"unsupported event contact.user.updated_v3", "-", v2("contact.user.updated_v3", map[string]any{"object": 1})},
		{"unsupported event x.event_v1", "-", v2("x.event_v1", []int{1})},
		{"unsupported event " + strings.Repeat("y", 100), "-", v2(strings.Repeat("y", 3000), nil)},
	} {
		t.Run(tc.want, func(t *testing.T) {
			t.Parallel()
			got := receive(t, a, tc.body)
			if got.Ignore != tc.want || got.ChatID != tc.chatID {
				t.Errorf("ignored for %q in %s, want %q in %s", got.Ignore, got.ChatID, tc.want, tc.chatID)
			}
		})
	}
}

// A recall must not be taken for a repeat of the message that it recalls.
func TestOnlyTheMessageHasItsKey(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	m := fakefeishu.Message{AppID: testApp, Token: testToken, At: arrival}
	recall := receive(t, a, fakefeishu.V2Event("im.message.recalled_v1", m, map[string]any{"message_id": "om_1", "chat_id": "oc_1"}))
	if recall.MessageKey != "" || recall.Retracts != "om_1" {
		t.Errorf("message key %q, takes back %q", recall.MessageKey, recall.Retracts)
	}
	if original := receive(t, a, message(nil)); original.MessageKey != "om_1" {
		t.Errorf("message key %q", original.MessageKey)
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	bot := fakefeishu.Mention{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley"}
	bob := fakefeishu.Mention{Key: "@_user_2", OpenID: "ou_bob", UserID: "u_bob", Name: "Bob"}
	tenth := fakefeishu.Mention{Key: "@_user_10", OpenID: "ou_ten", UserID: "u_ten", Name: "Ten"}
	nameless := fakefeishu.Mention{Key: "@_user_3", OpenID: "ou_x", UserID: "u_x"}
	all := fakefeishu.Mention{Key: "@_all", Name: "所有人"}
	otherBot := fakefeishu.Mention{Key: "@_user_4", OpenID: "ou_other", Name: "Other", Type: "bot"}
	for _, tc := range []struct {
		name, botID, text string
		mentions          []fakefeishu.Mention
		want              string
		mentioned         bool
	}{
		{"in front", "ou_bot", "@_user_1 hello", []fakefeishu.Mention{bot}, "hello", true},
		{"in the middle", "ou_bot", "well @_user_1 hello", []fakefeishu.Mention{bot}, "well hello", true},
		{"at the end", "ou_bot", "hello @_user_1", []fakefeishu.Mention{bot}, "hello", true},
		{"nobody", "ou_bot", "  hello", nil, "  hello", false},
		{"others", "ou_bot", "@_user_1 ask @_user_2 and @_user_10", []fakefeishu.Mention{bot, bob, tenth}, "ask @Bob and @Ten", true},
		{"a person only", "ou_bot", "@_user_2 hello", []fakefeishu.Mention{bob}, "@Bob hello", false},
		{"without a name", "ou_bot", "@_user_3 hello", []fakefeishu.Mention{nameless}, "@ou_x hello", false},
		{"everybody is not the bot", "ou_bot", "@_all hello", nil, "@all hello", false},
		{"everybody as a mention", "", "@_all hello", []fakefeishu.Mention{all}, "@all hello", false},
		{"another bot", "ou_bot", "@_user_4 hello", []fakefeishu.Mention{otherBot}, "@Other hello", false},
		{"bot unknown: any bot by type", "", "@_user_4 hello", []fakefeishu.Mention{otherBot}, "hello", true},
		{"bot unknown: no user_id", "", "@_user_1 hello", []fakefeishu.Mention{bot}, "hello", true},
		{"bot unknown: a person", "", "@_user_2 hello", []fakefeishu.Mention{bob}, "@Bob hello", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := newAdapter(t, func(o *feishu.Options) { o.BotOpenID = tc.botID })
			got := receive(t, a, message(func(m *fakefeishu.Message) {
				m.ChatType, m.Text, m.Mentions = "group", tc.text, tc.mentions
			}))
			if got.Text != tc.want || got.Mentioned != tc.mentioned {
				t.Errorf("got %q, mentioned %v, want %q, %v", got.Text, got.Mentioned, tc.want, tc.mentioned)
			}
		})
	}
	t.Run("case 27: nothing but the mention", func(t *testing.T) {
		t.Parallel()
		got := receive(t, newAdapter(t), message(func(m *fakefeishu.Message) {
			m.ChatType, m.Text, m.Mentions = "group", "@_user_1 ", []fakefeishu.Mention{bot}
		}))
		if strings.TrimSpace(got.Text) != "" || !got.Mentioned || got.Ignore != "" {
			t.Errorf("got %q, mentioned %v, ignored %q", got.Text, got.Mentioned, got.Ignore)
		}
	})
	t.Run("who else is kept", func(t *testing.T) {
		t.Parallel()
		got := receive(t, newAdapter(t), message(func(m *fakefeishu.Message) {
			m.Text, m.Mentions = "@_user_1 @_user_2", []fakefeishu.Mention{bot, bob, all}
		}))
		if want := []platforms.Mention{{ID: "ou_bob", Name: "Bob"}}; !reflect.DeepEqual(got.Mentions, want) {
			t.Errorf("mentions %v", got.Mentions)
		}
	})
}

func TestRichText(t *testing.T) {
	t.Parallel()
	const paragraphs = `[[{"tag":"at","user_id":"@_user_1","user_name":"Parley"},{"tag":"text","text":" see "},{"tag":"a","text":"docs","href":"https://x.test"},
		{"tag":"a","text":"https://y.test","href":"https://y.test"}],
		[{"tag":"img","image_key":"k"},{"tag":"media","file_key":"k"},{"tag":"emotion","emoji_type":"SMILE"}],
		[{"tag":"hr"}],[{"tag":"code_block","language":"GO","text":"x := 1\n"}],
		[{"tag":"at","user_id":"all"},{"tag":"at","user_id":"ou_x","user_name":"Xi"},{"tag":"md","text":"**b**"},{"tag":"new","text":"?"}]]`
	const flat = "see [docs](https://x.test)https://y.test\n[image][video][SMILE]\n---\n```go\nx := 1\n```\n@all@Xi**b**?"
	a := newAdapter(t)
	for _, tc := range []struct{ name, content, want string }{
		{"as it comes", `{"title":"","content":` + paragraphs + `}`, flat},
		{"in a locale", `{"zh_cn":{"title":"","content":` + paragraphs + `}}`, flat},
		{"with a title", `{"title":"T","content":[[{"tag":"text","text":"b"}],[]]}`, "T\nb\n"},
		{"nothing", `{}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := receive(t, a, message(func(m *fakefeishu.Message) {
				m.Type, m.Content = "post", tc.content
				if tc.want == flat {
					m.Mentions = []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot"}}
				}
			}))
			if got.Text != tc.want || got.Mentioned != (tc.want == flat) {
				t.Errorf("got %q", got.Text)
			}
			if (got.Ignore == "no text") != (tc.want == "") {
				t.Errorf("ignore %q", got.Ignore)
			}
		})
	}
}

func TestUnsupportedTypeIsNamedInTheText(t *testing.T) {
	t.Parallel()
	got := receive(t, newAdapter(t), message(func(m *fakefeishu.Message) { m.Type, m.Content = "audio", `{"file_key":"k"}` }))
	if got.Text != "[audio]" {
		t.Errorf("text %q", got.Text)
	}
}

func TestPlainEventWithTokenOnly(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, secrets("", testToken))
	in, err := a.Receive(t.Context(), request(fakefeishu.PlainRequest(message(nil))))
	if err != nil || len(in.Events) != 1 || in.Events[0].Text != "hello" {
		t.Fatalf("got %+v, %v", in, err)
	}
}

func TestCardActions(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for _, tc := range []struct {
		name         string
		value        any
		option       string
		kind         platforms.Kind
		text, ignore string
	}{
		{"text", map[string]any{"text": "yes, please"}, "", platforms.KindAction, "yes, please", ""},
		{"command", map[string]any{"command": "save city Paris"}, "", platforms.KindCommand, "save city Paris", ""},
		{"command with prefix", map[string]any{"command": "/save city Paris"}, "", platforms.KindCommand, "save city Paris", ""},
		{"a string", "again", "", platforms.KindAction, "again", ""},
		{"menu", nil, "blue", platforms.KindAction, "blue", ""},
		{"foreign value", map[string]any{"a": 1}, "", platforms.KindAction, `{"a":1}`, ""},
		{"a number", map[string]any{"text": 1}, "", platforms.KindAction, "1", ""},
		{"nothing", map[string]any{}, "", platforms.KindAction, "", "card action without a value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			card := fakefeishu.Card{
				Message: fakefeishu.Message{EventID: "ev_c", AppID: testApp, Token: testToken, At: arrival},
				Value:   tc.value, Option: tc.option,
			}
			want := platforms.Event{
				Platform: "feishu", Tenant: "tenant_1", App: testApp, ID: "ev_c", Kind: tc.kind, ChatType: platforms.Group,
				ChatID: "oc_1", SenderID: "ou_alice", Text: tc.text, Mentioned: true, SentAt: arrival, Ignore: tc.ignore,
				ReplyTo: platforms.Address{Tenant: "tenant_1", ChatID: "oc_1", MessageID: "om_1", UserID: "ou_alice"},
			}
			if got := receive(t, a, fakefeishu.CardEvent(card)); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			header, body := fakefeishu.LegacyCardRequest(testToken, arrival, fakefeishu.LegacyCardBody(card))
			in, err := newAdapter(t, secrets("", testToken)).Receive(t.Context(), request(header, body))
			if err != nil {
				t.Fatal(err)
			}
			want.ID = "card-" + header.Get("X-Lark-Signature")
			if got := in.Events[0]; !reflect.DeepEqual(got, want) {
				t.Errorf("old form: got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestCardChatTypeFromItsAuthor(t *testing.T) {
	t.Parallel()
	card := fakefeishu.Card{
		Message: fakefeishu.Message{AppID: testApp, Token: testToken},
		Value:   map[string]any{"text": "x", "chat_type": "p2p"},
	}
	if got := receive(t, newAdapter(t), fakefeishu.CardEvent(card)); got.ChatType != platforms.Private {
		t.Errorf("chat type %s", got.ChatType)
	}
}

// The old form may be encrypted; it is signed with the verification token all the same.
func TestLegacyCardEncrypted(t *testing.T) {
	t.Parallel()
	body := fakefeishu.Encrypt(testKey, fakefeishu.LegacyCardBody(fakefeishu.Card{Value: "x"}))
	in, err := newAdapter(t).Receive(t.Context(), request(fakefeishu.LegacyCardRequest(testToken, arrival, body)))
	if err != nil || in.Events[0].Text != "x" {
		t.Fatalf("got %+v, %v", in, err)
	}
}

func TestCardOutsideAChat(t *testing.T) {
	t.Parallel()
	m := fakefeishu.Message{AppID: testApp, Token: testToken, At: arrival}
	body := fakefeishu.V2Event("card.action.trigger", m, json.RawMessage(`{"operator":{"open_id":"ou_a"},"action":{"value":"x"}}`))
	if got := receive(t, newAdapter(t), body); got.Ignore != "card outside a chat" {
		t.Errorf("ignore %q", got.Ignore)
	}
}
