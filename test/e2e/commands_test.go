package e2e_test

import (
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// mouth is one way to talk to the bot. A table of exchanges says {bob} for how
// somebody else is named there, {Bob} for how the bot calls them, {me} and {Me}
// for the speaker.
type mouth struct {
	name             string
	me, Me, bob, Bob string
	export           exportForm
	say              func(t *testing.T, w *world, s *server, n int, text string) string
}

// exportForm is how an export is shown.
type exportForm string

const (
	asText  exportForm = ""         // as it is: who fetches it may be a program
	asBlock exportForm = "```json"  // in a code block, where people read it
	asFile  exportForm = "the file" // as a file, where the platform takes one
)

func (m *mouth) fill(text string) string {
	return strings.NewReplacer("{me}", m.me, "{Me}", m.Me, "{bob}", m.bob, "{Bob}", m.Bob).Replace(text)
}

func slackAnswer(t *testing.T, w *world, n int) string {
	t.Helper()
	msgs, err := w.slack.WaitMessages(patience(t), n)
	if err != nil {
		t.Fatal(err)
	}
	if files := msgs[n-1].Files; len(files) == 1 && files[0].Title == "conversation.json" {
		return string(asFile) + "\n" + files[0].Content
	}
	return html.UnescapeString(msgs[n-1].Text)
}

func feishuAnswer(t *testing.T, w *world, n int) string {
	t.Helper()
	msgs, err := w.feishu.WaitMessages(patience(t), n)
	if err != nil {
		t.Fatal(err)
	}
	if m := msgs[n-1]; m.File == "conversation.json" {
		return string(asFile) + "\n" + m.Text
	}
	return strings.ReplaceAll(msgs[n-1].Text, "\u200b", "")
}

func slackMouth(name string, export exportForm, body func(w *world, n int, text string) []byte) mouth {
	return mouth{
		name: name, me: "<@U00000001>", Me: "U00000001", bob: "<@U00000002|bob>", Bob: "bob", export: export,
		say: func(t *testing.T, w *world, s *server, n int, text string) string {
			t.Helper()
			for range 2 { // everything comes twice
				if a := s.slackEvent(body(w, n, text)); a.status != http.StatusOK {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			return slackAnswer(t, w, n)
		},
	}
}

// mouths are all the ways to give a command.
func mouths() []mouth {
	slash := func(command, text string, w *world, n int) []byte {
		return fakeslack.SlashCommand(fakeslack.Command{
			Command: command, Text: text, Channel: "D00000001", ChannelName: "directmessage",
			TriggerID: fmt.Sprint("13345224609.738474920.", n), ResponseURL: w.slack.NewResponseURL(),
		})
	}
	message := func(w *world, n int, text string) []byte {
		return fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", TS: fmt.Sprintf("1700000%03d.000100", n), Text: text})
	}
	isCommand := func(text string) bool { return strings.HasPrefix(text, "/") }
	list := []mouth{
		slackMouth("slack message", asFile, message),
		slackMouth("slack native", asBlock, func(w *world, n int, text string) []byte {
			if !isCommand(text) {
				return message(w, n, text)
			}
			name, rest, _ := strings.Cut(text, " ")
			return slash(name, rest, w, n)
		}),
		slackMouth("slack /parley", asBlock, func(w *world, n int, text string) []byte {
			if !isCommand(text) {
				return message(w, n, text)
			}
			return slash("/parley", text[1:], w, n)
		}),
		feishuMouth("feishu message", false), feishuMouth("feishu card", true),
		{
			name: "generic", me: "@alice", Me: "alice", bob: "@bob", Bob: "bob",
			say: func(_ *testing.T, _ *world, s *server, _ int, text string) string { return s.reply("alice", text) },
		},
		{
			name: "callback", me: "@alice", Me: "alice", bob: "@bob", Bob: "bob", export: asBlock,
			say: func(t *testing.T, w *world, s *server, n int, text string) string {
				t.Helper()
				body, _ := json.Marshal(map[string]string{"sender_id": "alice", "text": text})
				for range 2 {
					s.signedEvent(fmt.Sprint("evt-", n), body)
				}
				replies, err := w.callback.WaitReplies(patience(t), n)
				if err != nil {
					t.Fatal(err)
				}
				return replies[n-1].Text
			},
		},
		{name: "chat page", me: "@local", Me: "local", bob: "@bob", Bob: "bob", say: sayOnPage},
		{name: "terminal", me: "@alice", Me: "alice", bob: "@bob", Bob: "bob", say: sayInTerminal},
	}
	return list
}

// feishuMouth writes messages; commands, where card is set, are presses on cards.
func feishuMouth(name string, card bool) mouth {
	m := mouth{name: name, me: "@_user_2", Me: "ou_alice", bob: "@_user_1", Bob: "bob", export: asFile}
	if card {
		m.me, m.bob, m.Bob = "@ou_alice", "@ou_bob", "ou_bob"
	}
	m.say = func(t *testing.T, w *world, s *server, n int, text string) string {
		t.Helper()
		from := fakefeishu.Message{Token: feishuToken, MessageID: fmt.Sprint("om_", n), Text: text, Mentions: []fakefeishu.Mention{
			{Key: "@_user_1", OpenID: "ou_bob", UserID: "u_bob", Name: "bob"},
			{Key: "@_user_2", OpenID: "ou_alice", UserID: "u_alice", Name: "Alice"},
		}}
		body := fakefeishu.MessageEvent(from)
		if command, ok := strings.CutPrefix(text, "/"); ok && card {
			from.Mentions = nil
			body = fakefeishu.CardEvent(fakefeishu.Card{Message: from, Value: map[string]string{"command": command, "chat_type": "p2p"}})
		}
		for range 2 {
			if a := s.feishuEvent(body); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		return feishuAnswer(t, w, n)
	}
	return m
}

func sayOnPage(t *testing.T, _ *world, s *server, n int, text string) string {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"id": fmt.Sprint("page-", n), "text": text})
	a := s.request(http.MethodPost, "/chat/messages", string(body), "Content-Type", "application/json", "Authorization", "Bearer "+adminToken)
	_, done, ok := strings.Cut(a.body, "event: done\ndata: ")
	var status struct{ Reply struct{ Text string } }
	if err := json.Unmarshal([]byte(done), &status); !ok || err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return status.Reply.Text
}

// sayInTerminal opens `parley chat` for one line, beside the running server.
func sayInTerminal(t *testing.T, w *world, _ *server, _ int, text string) string {
	t.Helper()
	cfg := w.config()
	commandConfig(cfg)
	terminal, err := app.NewTerminal(t.Context(), cfg, slog.New(slog.DiscardHandler), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := terminal.Close(); err != nil {
			t.Error(err)
		}
	}()
	reply, err := terminal.Say(patience(t), text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func commandConfig(c *config.Config) {
	c.AI.Models = []string{"openai:gpt-4o-mini", "openai:gpt-4o"}
	c.AI.Personas = map[string]string{"poet": "You rhyme."}
	c.AI.Budget.TokensPerUser = 1_000_000
}

// exchange is what is said and what must be answered: word by word, or, where
// want begins with "~", what the expression matches.
type exchange struct{ say, want string }

const restart = "RESTART"

// rows are contract 6, each row before or after a restart that must not matter.
func rows() []exchange {
	const at = `\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] `
	return []exchange{
		{"/help", `~^Available commands:\n/help – `},
		{"/save", "Usage: /save [key] [value]"},
		{"/save city", "Usage: /save [key] [value]"},
		{"/save city Paris  la Ville", "Saved preference 'city' with value 'Paris  la Ville'"},
		{"/remember the Door Code is 42 or  so", "I will remember that the Door Code is 42 or  so"},
		{"/kudos {bob} for the  review", "@{Bob} now has 1 kudos"},
		{restart, ""},
		{"/LOAD city", "Preference 'city': Paris  la Ville"},
		{"/load town", "No preference found with key 'town'"},
		{"/load", "Usage: /load [key]"},
		{"/savexyz a b", "Unknown command: /savexyz. Send /help to see available commands."},
		{"/hepl", "Unknown command: /hepl. Send /help to see available commands.\nDid you mean /help?"},
		{"/history 0", "Usage: /history [n]"},
		{"/history ten", "Usage: /history [n]"},
		{"/history 2", `~^Last 2 messages:\n\n` + at + `You: /history ten\n` + at + `Bot: Usage: /history \[n\]$`},
		{"/history", `~^Last 10 messages:\n\n` + at + `You: /savexyz a b\n`},
		{"/history 1000", `~^Last 30 messages:\n\n` + at + `You: /help\n`},
		{"/stats", "Bot Statistics:\nTotal Conversations: 1\nTotal Messages: 32\nTotal Users: 1"},
		{"/stats commands", "Command Statistics:\n/history: 5\n/load: 3\n/save: 3\n/help: 1\n/kudos: 1\n/remember: 1\n/stats: 1"},
		{"/remember the Door Code", "the Door Code is 42 or  so"},
		{"/remember the Door Code is 43", "I already remember that the Door Code is 42 or  so. Send /forget the Door Code first."},
		{"/remember lunch", "I remember nothing about 'lunch'"},
		{"/remember lunch is at noon", "I will remember that lunch is at noon"},
		{"/remember search door", "the Door Code is 42 or  so"},
		{"/remember search zebra crossing", "I remember nothing like 'zebra crossing'"},
		{"/forget lunch", "Forgot 'lunch'"},
		{"/forget lunch", "I remember nothing about 'lunch'"},
		{"/kudos {bob}", "@{Bob} now has 2 kudos"},
		{"/kudos {me}", "You cannot give kudos to yourself"},
		{"/kudos", "You have 0 kudos"},
		{"/leaderboard", "🥇 {Bob} – 2"},
		{"/leaderboard messages", "Nobody is on the board yet"},
		{"/model", "This conversation uses the model openai:gpt-4o-mini.\nAvailable: openai:gpt-4o-mini, openai:gpt-4o. Send /model default to go back to the configured one."},
		{"/model gpt-4o", "This conversation now uses the model openai:gpt-4o."},
		{"/model gpt-9", "~^Unknown model 'gpt-9'.\nAvailable: openai:gpt-4o-mini, openai:gpt-4o\\."},
		{"/persona poet", "This conversation now uses the persona poet."},
		{"/persona judge", "Unknown persona 'judge'.\nAvailable: poet. Send /persona default to go back to the configured one."},
		{restart, ""},
		{"hi", "reply to: hi"},
		{"/persona", "This conversation uses the persona poet.\nAvailable: poet. Send /persona default to go back to the configured one."},
		{"/leaderboard messages day", "~^🥇 .+ – 1$"},
		{"/leaderboard tokens week", "~^🥇 .+ – [1-9]"},
		{"/leaderboard year", "Usage: /leaderboard [kudos|messages|tokens] [day|week|month|all]"},
		{"/tokens", `~^Tokens used by you: [1-9]\d*\nTokens used in this conversation: [1-9]\d*\nRemaining budget: 99\d{4} of 1000000 tokens\. Resets on \d{4}-\d\d-\d\d 00:00 UTC\.$`},
		{"/save timezone Asia/Shanghai", "Saved preference 'timezone' with value 'Asia/Shanghai'"},
		{"/tokens", `~Resets on \d{4}-\d\d-\d\d 08:00 CST\.$`},
		{"/save language zh", "Saved preference 'language' with value 'zh'"},
		{"/load", "用法：/load [key]"},
		{"/save language en", "已保存偏好“language”，值为“en”"},
		{"/reset", "Conversation cleared"},
		{"/history", "No messages in history."},
		{"/clear", "Conversation cleared"},
		{"/load city", "Preference 'city': Paris  la Ville"},
		{"/export", "~EXPORT"},
		{"/history 1", `~^Last 1 messages:\n\n` + `\[[^]]*\] Bot: Exported 2 messages$`},
		{"/forget-me yes", "Send /forget-me first to see what will be erased."},
		{"/forget-me", `~^This will erase everything stored about you, in every chat: 1 conversations with 6 messages, 3 preferences, 1 facts`},
		{restart, ""},
		{"/forget-me now", "Usage: /forget-me [yes]"},
		{"/forget-me yes", "Everything stored about you has been erased."},
		{"/load city", "No preference found with key 'city'"},
		{"/remember the Door Code", "I remember nothing about 'the Door Code'"},
		{"/forget-me yes", "Send /forget-me first to see what will be erased."},
	}
}

func TestEveryCommandEverywhere(t *testing.T) {
	t.Parallel()
	for _, m := range mouths() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start(t, commandConfig)
			n := 0
			for _, row := range rows() {
				if row.say == restart {
					s.stop()
					s = w.start(t, commandConfig)
					continue
				}
				n++
				got, want := m.say(t, w, s, n, m.fill(row.say)), m.fill(row.want)
				checkAnswer(t, &m, row.say, got, want)
			}
			checkChosen(t, w)
		})
	}
}

func checkAnswer(t *testing.T, m *mouth, said, got, want string) {
	t.Helper()
	expression, isPattern := strings.CutPrefix(want, "~")
	switch {
	case want == "~EXPORT":
		checkExport(t, m, got)
	case isPattern && !regexp.MustCompile(expression).MatchString(got):
		t.Errorf("%s: got %q, want %s", said, got, expression)
	case !isPattern && got != want:
		t.Errorf("%s: got %q, want %q", said, got, want)
	}
}

// checkExport reads the answer as an export file.
func checkExport(t *testing.T, m *mouth, got string) {
	t.Helper()
	text, formed := got, true
	if m.export != asText {
		text, formed = strings.CutPrefix(got, string(m.export)+"\n")
	}
	if m.export == asBlock {
		text = strings.TrimSuffix(text, "\n```")
	}
	var file struct {
		Conversation struct {
			Model, Persona string
			UserKey        string `json:"user_key"`
			MessageCount   int    `json:"message_count"`
		}
		Messages []struct{ Role, Content string }
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil || !formed {
		t.Fatalf("not %q: %v in %s", m.export, err, got)
	}
	if c := file.Conversation; c.Model != "openai:gpt-4o" || c.Persona != "poet" || !strings.HasSuffix(c.UserKey, m.Me) || c.MessageCount != 2 ||
		len(file.Messages) != 2 || file.Messages[0].Content != "/load city" || file.Messages[1].Role != "assistant" {
		t.Errorf("exported %+v", file)
	}
}

// checkChosen sees that the model was asked that the conversation had chosen,
// in the persona that it had chosen.
func checkChosen(t *testing.T, w *world) {
	t.Helper()
	calls := w.openai.Calls()
	if len(calls) != 1 || calls[0].Model != "gpt-4o" || calls[0].Messages[0].Role != "system" || calls[0].Messages[0].Content != "You rhyme." {
		t.Fatalf("%d calls, the first of %s with %+v", len(calls), calls[0].Model, calls[0].Messages)
	}
}

// A prefix may be of any length and end in a space; texts show it, and native
// commands do without.
func TestPrefixOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{".", "!bot ", "小助手"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start(t, func(c *config.Config) { c.Commands.Prefix = prefix })
			for _, step := range []exchange{
				{prefix + "save", "Usage: " + prefix + "save [key] [value]"},
				{"/save city Paris", "reply to: /save city Paris"},
				{prefix + "sav a b", "Unknown command: " + prefix + "sav. Send " + prefix + "help to see available commands.\nDid you mean " + prefix + "save?"},
				{prefix + "remember a is b", "I will remember that a is b"},
				{prefix + "remember a is c", "I already remember that a is b. Send " + prefix + "forget a first."},
			} {
				if got := s.reply("alice", step.say); got != step.want {
					t.Errorf("%q: got %q, want %q", step.say, got, step.want)
				}
			}
			slash := fakeslack.Command{Command: "/save", Text: "city Paris", TriggerID: "1.1", ResponseURL: w.slack.NewResponseURL()}
			s.slackEvent(fakeslack.SlashCommand(slash))
			if got := slackAnswer(t, w, 1); got != "Saved preference 'city' with value 'Paris'" {
				t.Error(got)
			}
			s.slackEvent(fakeslack.Interaction(map[string]any{
				"type": "block_actions", "trigger_id": "2.2", "api_app_id": fakeslack.DefaultAppID,
				"team": map[string]string{"id": fakeslack.DefaultTeamID}, "user": map[string]string{"id": "U00000001"},
				"channel": map[string]string{"id": "D00000001"}, "actions": []map[string]string{{"action_id": "a", "value": prefix + "load city"}},
			}))
			if got := slackAnswer(t, w, 2); got != "Preference 'city': Paris" {
				t.Error(got)
			}
			for n, command := range []string{"save city Rome", prefix + "load city"} {
				card := fakefeishu.Card{Message: fakefeishu.Message{Token: feishuToken, MessageID: fmt.Sprint("om_", n)}, Value: map[string]string{"command": command}}
				s.feishuEvent(fakefeishu.CardEvent(card))
				if got := feishuAnswer(t, w, n+1); got != []string{"Saved preference 'city' with value 'Rome'", "Preference 'city': Rome"}[n] {
					t.Error(got)
				}
			}
		})
	}
}
