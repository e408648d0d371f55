package slack_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

const (
	bot = "<@" + fakeslack.DefaultBotUser + ">"
	ts  = "1700000000.000100"
)

func receive(t *testing.T, body []byte) platforms.Inbound {
	t.Helper()
	in, err := newAdapter(t, slack.Options{SigningSecret: secret}).Receive(t.Context(), signed(body))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func receiveOne(t *testing.T, body []byte) platforms.Event {
	t.Helper()
	in := receive(t, body)
	if len(in.Events) != 1 {
		t.Fatalf("%d events", len(in.Events))
	}
	if in.Answer.Status != 0 || in.Answer.Body != nil {
		t.Errorf("the answer is not an empty 200: %+v", in.Answer)
	}
	return in.Events[0]
}

func TestChallengeIsEchoedAsText(t *testing.T) {
	t.Parallel()
	in := receive(t, fakeslack.Challenge(`<b>"3eZbr`))
	if len(in.Events) != 0 || string(in.Answer.Body) != `<b>"3eZbr` || !strings.HasPrefix(in.Answer.ContentType, "text/plain") {
		t.Errorf("%+v", in)
	}
}

func TestWholeMentionEvent(t *testing.T) {
	t.Parallel()
	got := receiveOne(t, fakeslack.MentionEvent(fakeslack.Event{EventID: "Ev1", Text: bot + " save &lt;this&gt; &amp;amp;", TS: ts}))
	want := platforms.Event{
		Platform: "slack", Tenant: fakeslack.DefaultTeamID, App: fakeslack.DefaultAppID,
		ID: "Ev1", MessageKey: "C00000001:" + ts, Kind: platforms.KindMessage, ChatType: platforms.Group,
		ChatID: "C00000001", ThreadID: ts, SenderID: "U00000001", Text: "save <this> &amp;", Mentioned: true,
		SentAt: time.Unix(1700000000, 100_000).UTC(),
		ReplyTo: platforms.Address{
			Tenant: fakeslack.DefaultTeamID, ChatID: "C00000001", ThreadID: ts, MessageID: ts, UserID: "U00000001",
			Extra: map[string]string{"stream": "native"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWhereAMessageBelongs(t *testing.T) {
	t.Parallel()
	const other = "1600000000.000001"
	for _, c := range []struct {
		name      string
		body      []byte
		chat      platforms.ChatType
		thread    string
		mentioned bool
	}{
		{"im", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi"}), platforms.Private, "", false},
		{"im by its id", fakeslack.MessageEvent(fakeslack.Event{Channel: "D9", ChannelType: "channel", Text: "hi"}), platforms.Private, "", false},
		{"channel by its id", fakeslack.MessageEvent(fakeslack.Event{Channel: "C9", ChannelType: "im", Text: "hi"}), platforms.Group, "", false},
		{"im with mention", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: bot + " hi"}), platforms.Private, "", true},
		{"im thread", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi", ThreadTS: other}), platforms.Private, other, false},
		{"channel", fakeslack.MessageEvent(fakeslack.Event{Text: "hi"}), platforms.Group, "", false},
		{"channel with mention", fakeslack.MessageEvent(fakeslack.Event{Text: "hi " + bot}), platforms.Group, ts, true},
		{"channel with mention of another", fakeslack.MessageEvent(fakeslack.Event{Text: "hi <@U2>"}), platforms.Group, "", false},
		{"private channel", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "group", Text: "hi"}), platforms.Group, "", false},
		{"mpim", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "mpim", Text: "hi"}), platforms.Group, "", false},
		{"thread", fakeslack.MessageEvent(fakeslack.Event{Text: "hi", ThreadTS: other}), platforms.Group, other, false},
		{"mention in a thread", fakeslack.MentionEvent(fakeslack.Event{Text: bot + " hi", ThreadTS: other}), platforms.Group, other, true},
		{"app_mention in an im", fakeslack.MentionEvent(fakeslack.Event{Channel: "D1", Text: bot + " hi"}), platforms.Private, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := receiveOne(t, c.body)
			if e.ChatType != c.chat || e.ThreadID != c.thread || e.Mentioned != c.mentioned || e.Text != strings.TrimSpace(e.Text) {
				t.Errorf("chat %s thread %q mentioned %v text %q", e.ChatType, e.ThreadID, e.Mentioned, e.Text)
			}
			if e.ReplyTo.ThreadID != e.ThreadID || e.ReplyTo.ChatID != e.ChatID || e.Ignore != "" {
				t.Errorf("reply to %+v, ignore %q", e.ReplyTo, e.Ignore)
			}
		})
	}
}

// One mention fires app_mention and message.*, with different event ids.
func TestMentionAndMessageShareTheirKey(t *testing.T) {
	t.Parallel()
	said := fakeslack.Event{Text: bot + " hi", TS: ts}
	message, mention := receiveOne(t, fakeslack.MessageEvent(said)), receiveOne(t, fakeslack.MentionEvent(said))
	if message.ID == mention.ID || message.MessageKey == "" || message.MessageKey != mention.MessageKey {
		t.Errorf("ids %q %q, keys %q %q", message.ID, mention.ID, message.MessageKey, mention.MessageKey)
	}
	if message.ThreadID != mention.ThreadID || message.Text != mention.Text {
		t.Errorf("the two differ: %+v %+v", message, mention)
	}
}

// The bot's id comes with the event, from auth.test, or is the only one that
// an app_mention can mean.
func TestWhoTheBotIs(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	asked := newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.APIURL()})
	if id, team, err := asked.AuthTest(t.Context()); err != nil || id != fakeslack.DefaultBotUser || team != fakeslack.DefaultTeam ||
		asked.TeamID() != fakeslack.DefaultTeamID {
		t.Fatalf("auth.test: %q %q %v", id, team, err)
	}
	fresh := newAdapter(t, slack.Options{SigningSecret: secret})
	for _, c := range []struct {
		name      string
		adapter   *slack.Adapter
		kind      string
		text      string
		want      string
		mentioned bool
	}{
		{"auth.test", asked, "message", bot + " hi", "hi", true},
		{"nobody knows", fresh, "message", bot + " hi", "@" + fakeslack.DefaultBotUser + " hi", false},
		{"the only one mentioned", fresh, "app_mention", bot + " hi " + bot, "hi", true},
		{"one of two", fresh, "app_mention", "<@U2> " + bot + " hi", "@U2 @" + fakeslack.DefaultBotUser + " hi", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := []byte(`{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":{"type":"` + c.kind +
				`","channel":"C1","user":"U1","ts":"1.2","text":"` + c.text + `"}}`)
			in, err := c.adapter.Receive(t.Context(), signed(body))
			if err != nil {
				t.Fatal(err)
			}
			if e := in.Events[0]; e.Text != c.want || e.Mentioned != c.mentioned {
				t.Errorf("text %q mentioned %v", e.Text, e.Mentioned)
			}
		})
	}
	if server.Calls(fakeslack.AuthTest) != 1 {
		t.Error("Receive called the network")
	}
}

func TestWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	more := func(m map[string]any) []byte {
		return fakeslack.MessageEvent(fakeslack.Event{Text: "hi", More: m})
	}
	for _, c := range []struct {
		name, want string
		body       []byte
	}{
		{"own message", "own message", fakeslack.MessageEvent(fakeslack.Event{User: fakeslack.DefaultBotUser, Text: "hi"})},
		{"another bot", "message of a bot", more(map[string]any{"bot_id": "B2"})},
		{"another bot's mention", "message of a bot", fakeslack.MentionEvent(fakeslack.Event{Text: bot, More: map[string]any{"bot_id": "B2"}})},
		{"bot_message", "message of a bot", more(map[string]any{"subtype": "bot_message", "user": nil})},
		{"Slackbot", "message of a bot", more(map[string]any{"user": "USLACKBOT"})},
		{"link unfurl", "message with subtype message_changed", more(map[string]any{"subtype": "message_changed", "hidden": true})},
		{"deleted", "message with subtype message_deleted", more(map[string]any{"subtype": "message_deleted"})},
		{"join", "message with subtype channel_join", more(map[string]any{"subtype": "channel_join"})},
		{"hidden", "hidden message", more(map[string]any{"hidden": true})},
		{"nobody", "not understood: message without a sender", more(map[string]any{"user": nil})},
		{"nowhere", "not understood: message without a channel", more(map[string]any{"channel": nil})},
		{"reaction", "unsupported event reaction_added", fakeslack.EventCallback(fakeslack.Event{}, map[string]any{
			"type": "reaction_added", "user": "U1", "item": map[string]any{"channel": "C7", "ts": ts},
		})},
		{"objects where messages have ids", "unsupported event channel_created", fakeslack.EventCallback(fakeslack.Event{}, map[string]any{
			"type": "channel_created", "channel": map[string]any{"id": "C1"}, "user": map[string]any{"id": "U1"},
		})},
		{"no event at all", "unsupported event ", []byte(`{"type":"event_callback","event_id":"Ev1"}`)},
		{"event that is no object", "unsupported event ", []byte(`{"type":"event_callback","event_id":"Ev1","event":7}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := receiveOne(t, c.body)
			if e.Ignore != c.want || e.MessageKey != "" {
				t.Errorf("ignore %q, message key %q", e.Ignore, e.MessageKey)
			}
		})
	}
}

func TestSubtypesThatAreAnswered(t *testing.T) {
	t.Parallel()
	files := []any{map[string]any{"id": "F1", "name": "a.pdf", "mimetype": "application/pdf", "size": 7}}
	shared := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{More: map[string]any{"subtype": "file_share", "files": files}}))
	if shared.Ignore != "" || shared.Text != "[file: a.pdf]" || !shared.Unreadable {
		t.Errorf("file: ignore %q, text %q", shared.Ignore, shared.Text)
	}
	if want := []platforms.File{{Name: "a.pdf", Type: "application/pdf", Size: 7, Ref: "F1"}}; !slices.Equal(shared.Files, want) || shared.Metadata["files"] != nil {
		t.Errorf("files: %+v, metadata %v", shared.Files, shared.Metadata)
	}
	broadcast := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{
		Text: "hi", ThreadTS: "1.2", More: map[string]any{"subtype": "thread_broadcast"},
	}))
	if broadcast.Ignore != "" || broadcast.ThreadID != "1.2" {
		t.Errorf("broadcast: %+v", broadcast)
	}
}

func TestSharedChannelKeepsTheSendersTeam(t *testing.T) {
	t.Parallel()
	e := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{Text: "hi", More: map[string]any{"user_team": "T2", "source_team": "T3"}}))
	if e.Tenant != fakeslack.DefaultTeamID || e.Metadata["user_team"] != "T2" || e.Metadata["source_team"] != "T3" {
		t.Errorf("tenant %q, metadata %v", e.Tenant, e.Metadata)
	}
}

func TestTenantOfAnOrganizationInstall(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"type":"event_callback","event_id":"E","team_id":null,"enterprise_id":"E1","authorizations":[{"team_id":"T9"}]}`: "T9",
		`{"type":"event_callback","event_id":"E","team_id":null,"enterprise_id":"E1","authorizations":[{"team_id":null}]}`: "E1",
	} {
		if e := receiveOne(t, []byte(body)); e.Tenant != want {
			t.Errorf("tenant %q, want %q", e.Tenant, want)
		}
	}
}

// In a channel that organizations share team_id is that of who made it.
func TestTenantOfASharedChannel(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][2]string{
		`{"type":"event_callback","event_id":"E","team_id":"T1","authorizations":[{"team_id":"T1"}]}`:                             {"T1", ""},
		`{"type":"event_callback","event_id":"E","team_id":"TO","context_team_id":"TC","authorizations":[{"team_id":"T1"}]}`:      {"T1", "TO"},
		`{"type":"event_callback","event_id":"E","team_id":"TO","context_team_id":"TC","authorizations":[{"enterprise_id":"E"}]}`: {"TC", "TO"},
		`{"type":"event_callback","event_id":"E","team_id":"TO"}`:                                                                 {"TO", ""},
	} {
		if e := receiveOne(t, []byte(body)); e.Tenant != want[0] || e.FormerTenant != want[1] {
			t.Errorf("%s: tenant %q, formerly %q", body, e.Tenant, e.FormerTenant)
		}
	}
}

func TestBodiesThatSlackDoesNotSend(t *testing.T) {
	t.Parallel()
	form := "application/x-www-form-urlencoded"
	for _, c := range []struct{ contentType, body string }{
		{"application/json", ""},
		{"application/json", "null"},
		{"application/json", "[]"},
		{"application/json", "{"},
		{"application/json", `{"type":"event_callback"}`},
		{"application/json", `{"type":"url_verification"}`},
		{form, ""},
		{form, "%zz"},
		{form, "a=b"},
		{form, "payload=%7B"},
		{form, "payload=null"},
		// What was signed as one kind is not read as the other.
		{form, `{"type":"event_callback","event_id":"E","x":"&command=/parley&text=save+a+b&user_id=U2&channel_id=C1&team_id=T1&trigger_id=1"}`},
		{"", `{"type":"event_callback","event_id":"E","x":"&command=/parley&user_id=U2&channel_id=C1"`},
		{"application/json", string(fakeslack.SlashCommand(fakeslack.Command{Text: "help"}))},
		{"application/json; charset=utf-8", "payload=%7B%22type%22%3A%22block_actions%22%7D"},
		{"", "hello"},
	} {
		r := signed([]byte(c.body))
		r.Header.Set("Content-Type", c.contentType)
		in, err := newAdapter(t, slack.Options{SigningSecret: secret}).Receive(t.Context(), r)
		if failure.KindOf(err) != failure.Invalid || len(in.Events) > 0 {
			t.Errorf("%s %q: %v", c.contentType, c.body, err)
		}
	}
}

// What is Slack's and cannot be answered is kept with the reason, and said once.
func TestNotUnderstoodIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, want string }{
		{`{"type":"event_callback","event_id":"` + strings.Repeat("E", 256) + `"}`, "not understood: event id must be 1 to 255 bytes without NUL"},
		{`{"type":"event_callback","event_id":"E","event":{"type":"message","channel":"D1","user":"U` + strings.Repeat("1", 255) + `","ts":"1.2"}}`, "not understood: sender_id must be 1 to 255 bytes without NUL"},
		{`{"type":"event_callback","event_id":"E","event":{"type":"message","channel":"D1\u0000","user":"U1","ts":"1.2"}}`, "not understood: chat_id must be 1 to 255 bytes without NUL"},
		{`{"type":"brand_new","event_id":"E"}`, "unsupported request brand_new"},
		{"command=/parley", "not understood: chat_id must be 1 to 255 bytes without NUL"},
	} {
		var log strings.Builder
		a := newAdapter(t, slack.Options{SigningSecret: secret, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 2 {
			in, err := a.Receive(t.Context(), signed([]byte(c.body)))
			if err != nil || len(in.Events) != 1 || in.Events[0].Ignore != c.want || in.Events[0].Validate() != nil {
				t.Errorf("%.60s: %+v %v", c.body, in.Events, err)
			}
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), c.want) {
			t.Errorf("%.60s: %d warnings: %s", c.body, n, log.String())
		}
	}
}

func TestNothingToStore(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}`,
		"ssl_check=1&token=x",
	} {
		if in := receive(t, []byte(body)); len(in.Events) != 0 || in.Answer.Status != 0 {
			t.Errorf("%s: %+v", body, in)
		}
	}
}

func TestSlashCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, text, want string }{
		{"/save", "city Paris", "save city Paris"},
		{"/parley", "save city Paris", "save city Paris"},
		{"/parley", "  save city  New   York ", "save city  New   York"},
		{"/parley", "/save city Paris", "save city Paris"},
		{"/Parley", "", "help"},
		{"/parley", " / ", "help"},
		{"/history", "", "history"},
		{"/save", "motto a &lt; b &amp; c", "save motto a < b & c"},
		{"/kudos", "<@U2|bob> for help", "kudos @bob for help"},
	} {
		e := receiveOne(t, fakeslack.SlashCommand(fakeslack.Command{Command: c.command, Text: c.text}))
		if e.Text != c.want || e.Kind != platforms.KindCommand || !e.Mentioned {
			t.Errorf("%s %s: %q %s", c.command, c.text, e.Text, e.Kind)
		}
	}
}

func TestWholeSlashCommand(t *testing.T) {
	t.Parallel()
	const answer = "https://hooks.slack.com/commands/T1/2/3"
	got := receiveOne(t, fakeslack.SlashCommand(fakeslack.Command{
		Command: "/save", Text: "city Paris", TriggerID: "13.37.abc", ResponseURL: answer,
	}))
	want := platforms.Event{
		Platform: "slack", Tenant: fakeslack.DefaultTeamID, App: fakeslack.DefaultAppID, ID: "13.37.abc",
		Kind: platforms.KindCommand, ChatType: platforms.Group, ChatID: "C00000001", SenderID: "U00000001", SenderName: "alice",
		Text: "save city Paris", Mentioned: true, SentAt: now.UTC(),
		ReplyTo: platforms.Address{
			Tenant: fakeslack.DefaultTeamID, ChatID: "C00000001", UserID: "U00000001", Private: true, Extra: map[string]string{"response_url": answer},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPlaceOfACommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		channel, name string
		want          platforms.ChatType
	}{
		{"D1", "directmessage", platforms.Private},
		{"D1", "", platforms.Private},
		{"G1", "mpdm-a--b--c-1", platforms.Group},
		{"G1", "privategroup", platforms.Group},
		{"C1", "general", platforms.Group},
		{"C1", "directmessage", platforms.Group}, // a channel can be named so
	} {
		e := receiveOne(t, fakeslack.SlashCommand(fakeslack.Command{Channel: c.channel, ChannelName: c.name}))
		if e.ChatType != c.want {
			t.Errorf("%s %s: %s", c.channel, c.name, e.ChatType)
		}
	}
}

func TestResponseURLIsFollowedOnlyToSlack(t *testing.T) {
	t.Parallel()
	const official, gov, fake = "https://slack.com/api/", "https://slack-gov.com/api/", "http://127.0.0.1:4321/api"
	for _, c := range []struct {
		api, url string
		ok       bool
	}{
		{official, "https://hooks.slack.com/commands/1", true},
		{official, "https://HOOKS.slack.com/commands/1", true},
		{official, "https://hooks.slack.com:443/commands/1", true},
		{official, "https://slack.com/commands/1", true},
		{"https://slack.com:443/api/", "https://hooks.slack.com/commands/1", true},
		{"https://www.slack.com/api/", "https://hooks.slack.com/commands/1", true},
		{official, "https://hooks.slack-gov.com/commands/1", false},
		{official, "http://hooks.slack.com/commands/1", false},
		{official, "http://hooks.slack.com:443/commands/1", false},
		{official, "https://hooks.slack.com:8443/commands/1", false},
		{official, "https://hooks.slack.com.evil.example/1", false},
		{official, "https://evil.example/hooks.slack.com", false},
		{official, "https://hooks.slack.com@evil.example/1", false},
		{official, "https://user:pw@hooks.slack.com/1", false},
		{official, "https://hooks.slack.com\\@evil.example/x", false},
		{official, "//hooks.slack.com/commands/1", false},
		{official, "file:///etc/passwd", false},
		{official, "https://", false},
		{official, "", false},
		{official, "%", false},
		{gov, "https://hooks.slack-gov.com/commands/1", true},
		{gov, "https://hooks.slack-gov.com:443/commands/1", true},
		{gov, "https://hooks.slack.com/commands/1", false},
		{"https://notslack.com/api/", "https://hooks.slack.com/commands/1", false},
		{"https://slack.com.evil.example/api/", "https://hooks.slack.com/commands/1", false},
		{fake, "http://127.0.0.1:4321/commands/1", true},
		{fake, "http://127.0.0.1:4322/commands/1", false},
		{fake, "https://127.0.0.1:4321/commands/1", false},
		{fake, "https://hooks.slack.com/commands/1", false},
		{"http://proxy.example/api/", "http://proxy.example:80/commands/1", true},
		{"http://proxy.example:80/api/", "http://proxy.example/commands/1", true},
	} {
		a := newAdapter(t, slack.Options{SigningSecret: secret, APIURL: c.api})
		in, err := a.Receive(t.Context(), signed(fakeslack.SlashCommand(fakeslack.Command{ResponseURL: c.url})))
		if err != nil {
			t.Fatal(err)
		}
		to := in.Events[0].ReplyTo
		if len(to.Extra) > 0 && to.Extra["response_url"] != c.url || (len(to.Extra) > 0) != c.ok || !to.Private {
			t.Errorf("%s, %q became %+v", c.api, c.url, to)
		}
	}
}

// A command without a trigger id still counts once.
func TestCommandWithoutTriggerID(t *testing.T) {
	t.Parallel()
	body := []byte("command=%2Fparley&channel_id=C1&user_id=U1&team_id=T1")
	one, again := receiveOne(t, body), receiveOne(t, body)
	other := receiveOne(t, append(body, "&text=stats"...))
	if one.ID == "" || one.ID != again.ID || one.ID == other.ID {
		t.Errorf("ids %q %q %q", one.ID, again.ID, other.ID)
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	e := receiveOne(t, []byte("command=%2Fparley&channel_id=C1&user_id=U1&trigger_id=1&text=a%FFb"))
	if e.Text != "a\uFFFDb" {
		t.Errorf("%q", e.Text)
	}
}

func action(more map[string]any) []byte {
	payload := map[string]any{
		"type": "block_actions", "trigger_id": "1.2.3", "api_app_id": "A1",
		"team": map[string]any{"id": "T1"}, "user": map[string]any{"id": "U1", "username": "alice"},
		"channel": map[string]any{"id": "C1", "name": "general"}, "message": map[string]any{"ts": ts},
		"response_url": "https://hooks.slack.com/actions/1",
		"actions":      []any{map[string]any{"type": "button", "action_id": "ok", "value": "yes", "text": map[string]any{"text": "Yes!"}}},
	}
	maps.Copy(payload, more)
	return fakeslack.Interaction(payload)
}

func TestWholeAction(t *testing.T) {
	t.Parallel()
	got := receiveOne(t, action(nil))
	want := platforms.Event{
		Platform: "slack", Tenant: "T1", App: "A1", ID: "1.2.3", Kind: platforms.KindAction, ChatType: platforms.Group,
		ChatID: "C1", ThreadID: ts, SenderID: "U1", SenderName: "alice", Text: "yes", Mentioned: true, SentAt: now.UTC(),
		ReplyTo: platforms.Address{
			Tenant: "T1", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1", Extra: map[string]string{"spare_url": "https://hooks.slack.com/actions/1"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A shortcut is between the one who uses it and the bot, whether it has an
// answer URL or not.
func TestShortcutIsPrivate(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://hooks.slack.com/app/1": "https://hooks.slack.com/app/1", "https://evil.example/": "", "": ""} {
		e := receiveOne(t, action(map[string]any{"type": "message_action", "callback_id": "ask", "response_url": url}))
		if !e.ReplyTo.Private || e.ReplyTo.Extra["response_url"] != want || e.ReplyTo.Extra["spare_url"] != "" || e.ChatType != platforms.Group {
			t.Errorf("%q: %s %+v", url, e.ChatType, e.ReplyTo)
		}
	}
}

func TestWhatAnActionSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ actions, want string }{
		{`[{"action_id":"a","text":{"text":"Press me"}}]`, "Press me"},
		{`[{"action_id":"a","selected_option":{"text":{"text":"Red"},"value":"red"}}]`, "red"},
		{`[{"action_id":"a","selected_options":[{"value":"x"},{"text":{"text":"Y"}}]}]`, "x, Y"},
		{`[{"action_id":"a","selected_user":"U7"}]`, "U7"},
		{`[{"action_id":"a","selected_users":["U7","U8"]}]`, "U7, U8"},
		{`[{"action_id":"a","selected_date":"2026-11-20"}]`, "2026-11-20"},
		{`[{"action_id":"a","selected_date_time":1628633820}]`, "1628633820"},
		{`[{"action_id":"only"}]`, "only"},
		{`[{"value":"1"},{"value":"2"}]`, "1, 2"},
		{`[]`, ""},
		{`{"not":"a list"}`, ""},
	} {
		var actions any
		if err := json.Unmarshal([]byte(c.actions), &actions); err != nil {
			t.Fatal(err)
		}
		if e := receiveOne(t, action(map[string]any{"actions": actions})); e.Text != c.want {
			t.Errorf("%s: %q, want %q", c.actions, e.Text, c.want)
		}
	}
}

func TestActionsElsewhere(t *testing.T) {
	t.Parallel()
	ephemeral := receiveOne(t, action(map[string]any{"container": map[string]any{"is_ephemeral": true, "message_ts": ts}}))
	if ephemeral.ReplyTo.Extra["response_url"] == "" || ephemeral.ThreadID != "" {
		t.Errorf("ephemeral: %+v", ephemeral)
	}
	direct := receiveOne(t, action(map[string]any{"channel": map[string]any{"id": "D1", "name": "directmessage"}}))
	if direct.ChatType != platforms.Private || direct.ThreadID != "" {
		t.Errorf("direct: %+v", direct)
	}
	shortcut := receiveOne(t, action(map[string]any{
		"type": "message_action", "callback_id": "sum_up", "message": map[string]any{"ts": ts, "thread_ts": "1.2", "text": "a &gt; b"},
	}))
	if shortcut.Text != "sum_up\na > b" || shortcut.ThreadID != "1.2" {
		t.Errorf("message shortcut: %+v", shortcut)
	}
	for kind, want := range map[string]string{
		"view_submission": "unsupported interaction view_submission",
		"shortcut":        "unsupported interaction shortcut",
	} {
		if e := receiveOne(t, action(map[string]any{"type": kind})); e.Ignore != want {
			t.Errorf("%s: %q", kind, e.Ignore)
		}
	}
	if e := receiveOne(t, action(map[string]any{"channel": nil})); e.Ignore != "not understood: interaction outside a channel" {
		t.Errorf("no channel: %q", e.Ignore)
	}
}

// Whatever is signed and read can be stored, and nothing panics.
func FuzzReceive(f *testing.F) {
	for _, body := range [][]byte{
		fakeslack.Challenge("x"), fakeslack.MessageEvent(fakeslack.Event{Text: bot + " <https://a.example|b> &amp; <@U1|x>"}),
		fakeslack.MentionEvent(fakeslack.Event{Text: bot}), fakeslack.SlashCommand(fakeslack.Command{Text: "save a b"}),
		action(nil), []byte(officialBody), []byte(`{"type":"event_callback","event_id":"E","event":{"type":"message","ts":{},"files":[null,1]}}`),
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	a := newAdapter(f, slack.Options{SigningSecret: secret})
	f.Fuzz(func(t *testing.T, body []byte, form bool) {
		r := signed(body)
		r.Header = http.Header{
			"X-Slack-Signature":         r.Header["X-Slack-Signature"],
			"X-Slack-Request-Timestamp": r.Header["X-Slack-Request-Timestamp"],
			"Content-Type":              {map[bool]string{true: "application/x-www-form-urlencoded", false: "application/json"}[form]},
		}
		in, err := a.Receive(t.Context(), r)
		if err != nil {
			if failure.KindOf(err) != failure.Invalid {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		for i := range in.Events {
			if err := in.Events[i].Validate(); err != nil {
				t.Fatal(err)
			}
			if _, err := json.Marshal(in.Events[i]); err != nil {
				t.Fatal(err)
			}
			for name, u := range in.Events[i].ReplyTo.Extra {
				if name == "stream" {
					continue
				}
				p, err := url.Parse(u)
				if err != nil || p.Scheme != "https" || !slices.Contains([]string{"hooks.slack.com", "slack.com"}, strings.ToLower(p.Host)) {
					t.Fatalf("response url %q", u)
				}
			}
		}
	})
}

// Who belongs to another organization is known as a guest of a shared channel;
// who belongs to another workspace of our own is none.
func TestGuests(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more     map[string]any // of the message
		envelope string         // fields of the envelope
		guest    string
	}{
		"own member":                      {nil, `"is_ext_shared_channel":true`, ""},
		"own member, said":                {map[string]any{"user_team": fakeslack.DefaultTeamID}, `"is_ext_shared_channel":true`, ""},
		"another organization":            {map[string]any{"user_team": "T2"}, `"is_ext_shared_channel":true`, "T2"},
		"another organization, source":    {map[string]any{"source_team": "T2"}, `"is_ext_shared_channel":true`, "T2"},
		"another organization, not said":  {map[string]any{"user_team": "T2"}, `"x":1`, "T2"},
		"another organization's Grid":     {map[string]any{"user_team": "T2"}, `"is_ext_shared_channel":true,"enterprise_id":"E1"`, "T2"},
		"another workspace of our Grid":   {map[string]any{"user_team": "T2"}, `"is_ext_shared_channel":false,"enterprise_id":"E1"`, ""},
		"our Grid itself":                 {map[string]any{"user_team": "E1"}, `"is_ext_shared_channel":true,"enterprise_id":"E1"`, ""},
		"another organization, no shared": {map[string]any{"user_team": "T2"}, `"is_ext_shared_channel":false`, "T2"},
	} {
		body := fakeslack.MessageEvent(fakeslack.Event{Text: "hi", More: tt.more})
		body = append([]byte("{"+tt.envelope+","), withoutField(t, body, "is_ext_shared_channel")[1:]...)
		if e := receiveOne(t, body); e.Guest != tt.guest {
			t.Errorf("%s: a guest of %q, want %q", name, e.Guest, tt.guest)
		}
	}
}

func withoutField(t *testing.T, body []byte, name string) []byte {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, name)
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
