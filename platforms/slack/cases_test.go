package slack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
)

// The cases are complaints about gateways of this kind, each by its number in
// the collection that the tests of other rooms name as well.

// A refusal says that nothing was done. Only where Slack itself does not know
// how far it came may the message be there.
func TestCase18UnlistedCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]failure.Kind{
		"brand_new_error": failure.Permanent, "cannot_reply_to_message": failure.Permanent, "user_is_restricted": failure.Permanent,
		"internal_error": failure.Ambiguous, "fatal_error": failure.Ambiguous,
		"service_unavailable": failure.Ambiguous, "request_timeout": failure.Ambiguous,
	} {
		a, server := pair(t)
		server.Script(fakeslack.ChatPostMessage, fakeslack.Refuse(code))
		_, err := a.Send(t.Context(), channel, part)
		if failure.KindOf(err) != want || failure.CodeOf(err) != code {
			t.Errorf("%s: kind %d, code %q: %v", code, failure.KindOf(err), failure.CodeOf(err), err)
		}
	}
}

func TestMissingScopeSaysWhatIsNeeded(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	refusal := fakeslack.Fault{Body: `{"ok":false,"error":"missing_scope","needed":"channels:history","provided":"chat:write,commands"}`}
	server.Script(fakeslack.ChatPostMessage, refusal)
	_, err := a.Send(t.Context(), channel, part)
	if safe := failure.SafeOf(err); !strings.Contains(safe, "channels:history") || !strings.Contains(safe, "chat:write,commands") {
		t.Errorf("%q", safe)
	}
}

// A message that is deleted, or of which a tombstone stays, is taken back.
func TestRetraction(t *testing.T) {
	t.Parallel()
	asked := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{Text: bot + " hi"}))
	deleted := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{TS: "1700000009.000100", More: map[string]any{
		"subtype": "message_deleted", "hidden": true, "user": nil, "deleted_ts": ts,
		"previous_message": map[string]any{"user": "U00000001", "ts": ts, "text": "hi"},
	}}))
	tombstone := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{TS: "1700000009.000100", More: map[string]any{
		"subtype": "message_changed", "hidden": true, "user": nil,
		"message":          map[string]any{"subtype": "tombstone", "user": "USLACKBOT", "ts": ts, "thread_ts": ts},
		"previous_message": map[string]any{"user": "U00000001", "ts": ts, "thread_ts": ts, "text": "hi"},
	}}))
	for _, e := range []platforms.Event{deleted, tombstone} {
		if e.Retracts == "" || e.Retracts != asked.MessageKey || e.Ignore != "message taken back" || e.MessageKey != "" || e.SenderID != "U00000001" {
			t.Errorf("%+v takes back %q, not %q", e.Ignore, e.Retracts, asked.MessageKey)
		}
	}
	edited := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{More: map[string]any{
		"subtype": "message_changed", "message": map[string]any{"user": "U1", "ts": ts, "text": "ho"},
	}}))
	if edited.Retracts != "" || edited.Ignore == "" {
		t.Errorf("an edit takes back %q, ignored for %q", edited.Retracts, edited.Ignore)
	}
}

// The answer to a command is for who gave it, or for nobody.
func TestCase22AnswerURLThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "https://evil.example/1", "https://hooks.slack-gov.com/commands/1", "http://127.0.0.1:1/commands/1", "%"} {
		a, server := pair(t)
		in, err := a.Receive(t.Context(), signed(fakeslack.SlashCommand(fakeslack.Command{Text: "show secret", ResponseURL: url})))
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Send(t.Context(), in.Events[0].ReplyTo, platforms.Part{Key: "k", Text: "hunter2"})
		if err != nil || server.Calls(fakeslack.ChatPostMessage) != 0 {
			t.Errorf("%q: %d posts, %v", url, server.Calls(fakeslack.ChatPostMessage), err)
		}
		for _, m := range server.Messages() {
			if !m.Ephemeral {
				t.Errorf("%q: everybody sees %+v", url, m)
			}
		}
		server.Script(fakeslack.ChatPostEphemeral, fakeslack.Refuse("user_not_in_channel"))
		if _, err = a.Send(t.Context(), in.Events[0].ReplyTo, part); failure.KindOf(err) != failure.Permanent || server.Calls(fakeslack.ChatPostMessage) != 0 {
			t.Errorf("%q: %d posts after a refusal, %v", url, server.Calls(fakeslack.ChatPostMessage), err)
		}
	}
}

// A port that is the default is no difference.
func TestCase22DefaultPort(t *testing.T) {
	t.Parallel()
	const url = "https://hooks.slack.com:443/commands/1"
	e := receiveOne(t, fakeslack.SlashCommand(fakeslack.Command{ResponseURL: url}))
	if e.ReplyTo.Extra["response_url"] != url {
		t.Errorf("%+v", e.ReplyTo)
	}
}

// In a channel that organizations share, team_id is that of who made it.
func TestCase23OnePersonByMentionAndCommand(t *testing.T) {
	t.Parallel()
	by := receiveOne(t, fakeslack.MentionEvent(fakeslack.Event{MakerTeamID: "TMAKER", Text: bot + " /load"}))
	slash := receiveOne(t, fakeslack.SlashCommand(fakeslack.Command{Text: "load"}))
	if by.Tenant != fakeslack.DefaultTeamID || by.Tenant != slash.Tenant || by.UserKey() != slash.UserKey() {
		t.Errorf("%s %s by mention, %s %s by command", by.Tenant, by.UserKey(), slash.Tenant, slash.UserKey())
	}
}

func TestCase25ShortcutAndButtonOutside(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]map[string]any{
		"shortcut": {"type": "message_action", "callback_id": "ask"},
		"button":   {},
	} {
		a, server := pair(t)
		more["response_url"] = server.NewResponseURL()
		in, err := a.Receive(t.Context(), signed(action(more)))
		if err != nil {
			t.Fatal(err)
		}
		server.Script(fakeslack.ChatPostMessage, fakeslack.Refuse("not_in_channel"))
		server.Script(fakeslack.ChatPostEphemeral, fakeslack.Refuse("channel_not_found"))
		_, err = a.Send(t.Context(), in.Events[0].ReplyTo, part)
		if shown := server.Messages(); err != nil || len(shown) != 1 || !shown[0].Ephemeral || shown[0].Text != part.Text {
			t.Errorf("%s: %+v, %v", name, shown, err)
		}
	}
}

func TestCase26WordsBesideTheText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, event, want string }{
		{
			"forward", `"text":"","attachments":[{"is_share":true,"author_name":"Bob","text":"ship it &amp; go","fallback":"no"}]`,
			"[forwarded message of Bob]\n> ship it & go",
		},
		{
			"forward with a comment", `"text":"see","attachments":[{"is_share":true,"text":"a\nb"}]`,
			"see\n\n[forwarded message]\n> a\n> b",
		},
		{
			"forwarded blocks",
			`"attachments":[{"is_share":true,"message_blocks":[{"message":{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*five*"}}]}}]}]`,
			"[forwarded message]\n> *five*",
		},
		{"title, text, fields", `"attachments":[{"title":"Alarm","text":"disk full","fields":[{"title":"host","value":"db1"},7,{"value":"x"}],"fallback":"no"}]`, "Alarm\ndisk full\nhost: db1\nx"},
		{"fallback", `"attachments":[{"fallback":"only this"},null,3]`, "only this"},
		{"blocks", `"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"a &lt; b"}},{"type":"header","text":{"type":"plain_text","text":"Head"}},7]`, "a < b\nHead"},
		{"same in text and blocks", `"text":"*bold* move","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"bold","style":{"bold":true}},{"type":"text","text":" move"}]}]}]`, "*bold* move"},
		{
			"table", `"text":"","blocks":[{"type":"table","rows":[[{"type":"raw_text","text":"a|b"},{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"c"}]}]}],[{"type":"raw_number","value":7},{"type":"raw_text","text":"d"}]]}]`,
			"| a\\|b | c |\n| --- | --- |\n| 7 | d |",
		},
		{"table beside text", `"text":"sum","attachments":[{"blocks":[{"type":"table","rows":[[{"type":"raw_text","text":"a"}]]}]}]`, "sum\n\n| a |\n| --- |"},
		{
			"rich text", `"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"ordered","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]}]},
			{"type":"rich_text_quote","elements":[{"type":"text","text":"q"}]},{"type":"rich_text_section","elements":[{"type":"link","url":"https://a.example","text":"x"},{"type":"emoji","name":"tada"},{"type":"brand_new","text":"!"}]}]}]`,
			"1. one\n> q\nx (https://a.example):tada:!",
		},
	} {
		var more map[string]any
		if err := json.Unmarshal([]byte("{"+c.event+"}"), &more); err != nil {
			t.Fatal(c.name, err)
		}
		e := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", More: more}))
		if e.Text != c.want || e.Ignore != "" {
			t.Errorf("%s: %q, want %q (%s)", c.name, e.Text, c.want, e.Ignore)
		}
	}
}

func TestCase26QuotedMentionWakesNobody(t *testing.T) {
	t.Parallel()
	quoted := map[string]any{"attachments": []any{map[string]any{"is_share": true, "text": bot + " help"}}}
	for _, body := range [][]byte{
		fakeslack.MessageEvent(fakeslack.Event{Text: "look", More: quoted}),
		fakeslack.MentionEvent(fakeslack.Event{Text: "look", More: quoted}),
	} {
		if e := receiveOne(t, body); e.Mentioned || len(e.Mentions) > 0 {
			t.Errorf("mentioned %v, mentions %v", e.Mentioned, e.Mentions)
		}
	}
}

func TestMentionInBlocksOnly(t *testing.T) {
	t.Parallel()
	e := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{More: map[string]any{"blocks": []any{map[string]any{
		"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{
			map[string]any{"type": "user", "user_id": fakeslack.DefaultBotUser},
			map[string]any{"type": "text", "text": " ask "},
			map[string]any{"type": "user", "user_id": "U7"},
		}}},
	}}}}))
	if !e.Mentioned || e.Text != "ask @U7" || len(e.Mentions) != 1 || e.Mentions[0].ID != "U7" {
		t.Errorf("%v %q %v", e.Mentioned, e.Text, e.Mentions)
	}
}

func TestCase31LinkButtonIsNoMessage(t *testing.T) {
	t.Parallel()
	button := map[string]any{"type": "button", "action_id": "view", "url": "https://a.example", "text": map[string]any{"text": "View report"}}
	pressed := map[string]any{"type": "button", "action_id": "view", "text": map[string]any{"text": "View report"}}
	for _, more := range []map[string]any{
		{"actions": []any{button}},
		{"actions": []any{pressed}, "message": map[string]any{"ts": ts, "blocks": []any{map[string]any{"type": "actions", "elements": []any{button}}}}},
		{"actions": []any{pressed}, "message": map[string]any{"ts": ts, "blocks": []any{map[string]any{"type": "section", "accessory": button}}}},
	} {
		if e := receiveOne(t, action(more)); e.Ignore != "click on a link" {
			t.Errorf("%v: %q %q", more, e.Ignore, e.Text)
		}
	}
	if e := receiveOne(t, action(map[string]any{"actions": []any{pressed}})); e.Ignore != "" || e.Text != "View report" {
		t.Errorf("an ordinary button: %q %q", e.Ignore, e.Text)
	}
}

func TestCase32MentionInCodeIsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"write `" + bot + " help`":          "write `" + bot + " help`",
		"```\n" + bot + "\n```":             "```\n" + bot + "\n```",
		"`<#C1|general>` and <#C1|general>": "`<#C1|general>` and #general",
		"`<https://a.example>`":             "`https://a.example`",
	} {
		for _, body := range [][]byte{
			fakeslack.MessageEvent(fakeslack.Event{Text: text}), fakeslack.MentionEvent(fakeslack.Event{Text: text}),
		} {
			e := receiveOne(t, body)
			if e.Text != want || strings.Contains(text, bot) && e.Mentioned {
				t.Errorf("%q: %q, mentioned %v", text, e.Text, e.Mentioned)
			}
		}
	}
	for _, text := range []string{"a ` b " + bot, "`a` " + bot + " `b`", "`\n" + bot + "`"} {
		if e := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{Text: text})); !e.Mentioned {
			t.Errorf("%q does not mention", text)
		}
	}
}

func TestCase32FenceInsideCode(t *testing.T) {
	t.Parallel()
	code := map[string]any{"type": "rich_text_preformatted", "elements": []any{map[string]any{"type": "text", "text": "a\n```\nb"}}}
	blocks := []any{map[string]any{"type": "rich_text", "elements": []any{code}}}
	for _, text := range []string{"", "```a\n```\nb```"} {
		e := receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: text, More: map[string]any{"blocks": blocks}}))
		if want := "````\na\n```\nb\n````"; e.Text != want {
			t.Errorf("%q: %q, want %q", text, e.Text, want)
		}
	}
}

// A limit holds up what it names: one channel, or one method in one workspace.
func TestCase17LimitNamesItsScope(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	to := platforms.Address{Tenant: "T1", ChatID: "C1"}
	server.Script(fakeslack.ChatPostMessage, fakeslack.RateLimit(time.Second), fakeslack.Refuse("ratelimited"))
	limits := a.Limits(to, platforms.CallSend)
	for range 2 {
		if _, err := a.Send(t.Context(), to, part); len(limits) != 1 || failure.ScopeOf(err) != limits[0].Scope || limits[0].Scope != "chat:C1" {
			t.Errorf("scope %q, limits %+v", failure.ScopeOf(err), limits)
		}
	}
	server.Script(fakeslack.ConversationsHistory, fakeslack.RateLimit(time.Second))
	if _, _, err := a.Find(t.Context(), to, part, now); failure.ScopeOf(err) != "workspace:T1 conversations.history" {
		t.Errorf("a look-up: scope %q", failure.ScopeOf(err))
	}
	if limits := a.Limits(platforms.Address{Extra: map[string]string{"response_url": "https://hooks.slack.com/1"}}, platforms.CallSend); limits != nil {
		t.Errorf("a response URL: %+v", limits)
	}
}
