package commands_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/shorten"
	"github.com/parley-bot/parley/memory"
)

// fakeStore holds one conversation, number 7, of tenant "T1".
type fakeStore struct {
	messages       []conversation.Message
	cleared        []int64
	model, persona string
	used           map[string]int64
	err            error
}

func (f *fakeStore) Get(_ context.Context, id int64) (*conversation.Conversation, error) {
	return &conversation.Conversation{ID: id, TotalTokens: 45}, f.err
}

func (f *fakeStore) ExportUpTo(_ context.Context, id int64, bytes int) (*conversation.Conversation, string, error) {
	conv := conversation.Conversation{ID: id, UserKey: "slack:private:U1", MessageCount: int64(len(f.messages))}
	text, err := conversation.Archive{Conversation: conv, Messages: f.messages}.MarshalJSON()
	if err != nil || len(text) > bytes {
		return &conv, "", err
	}
	return &conv, string(text), f.err
}

func (f *fakeStore) SetModelTx(_ context.Context, _ database.Tx, _ int64, model string) error {
	f.model = model
	return f.err
}

func (f *fakeStore) SetPersonaTx(_ context.Context, _ database.Tx, _ int64, persona string) error {
	f.persona = persona
	return f.err
}

// Person and Chat tell what was used: half of it lately.
func (f *fakeStore) Person(_ context.Context, p memory.Person, since time.Time) (int64, error) {
	return f.spent(p.SenderID, since)
}

func (f *fakeStore) Chat(_ context.Context, _ memory.Realm, chatID string, since time.Time) (int64, error) {
	return f.spent(chatID, since)
}

func (f *fakeStore) spent(who string, since time.Time) (int64, error) {
	if since.After(time.Unix(0, 0)) {
		return f.used[who] / 2, f.err
	}
	return f.used[who], f.err
}

func (f *fakeStore) Recent(_ context.Context, id int64, n, chars int) ([]conversation.Message, error) {
	if id != 7 {
		return nil, errors.New("no such conversation")
	}
	list := slices.Clone(f.messages[max(0, len(f.messages)-n):])
	for i := range list {
		list[i].Content = shorten.Line(list[i].Content, chars)
	}
	return list, f.err
}

func (f *fakeStore) ClearTx(_ context.Context, _ database.Tx, id int64) error {
	f.cleared = append(f.cleared, id)
	return f.err
}

func (f *fakeStore) RealmStats(_ context.Context, tenant, platform string) (conversations, messages int64, err error) {
	if tenant != "T1" || platform != "slack" {
		return 0, 0, f.err
	}
	return 1, int64(len(f.messages)), f.err
}

// chat carries commands out as a turn does: run, then apply in a commit.
type chat struct {
	db           *database.DB
	store        *fakeStore
	memory       *memory.Store
	registry     *commands.Registry
	profile      *profile.Profile
	prefix       string
	person       memory.Person
	conversation int64

	events   int
	group    bool
	room     bool
	name     string
	locale   string
	mentions []commands.Mention
	now      func() time.Time
}

func newChat(t *testing.T, o commands.Options, choices ...profile.Options) *chat {
	t.Helper()
	db := dbtest.New(t)
	m := memory.New(db)
	c := &chat{
		db: db, store: &fakeStore{}, memory: m, conversation: 7,
		person: memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}, now: time.Now,
	}
	o.Store, o.Memory, o.Spent = c.store, m, c.store
	for _, choice := range choices {
		choice.Preferences = m
		o.Profile = profile.New(choice)
	}
	c.registry, c.profile, c.prefix = commands.New(o), o.Profile, cmp.Or(o.Prefix, "/")
	return c
}

func (c *chat) send(t *testing.T, text string) (commands.Answer, error) {
	t.Helper()
	name, rest := commands.Parse(c.prefix, text)
	if name == "" {
		t.Fatalf("%q is no command", text)
	}
	c.events++
	answer, err := c.registry.Run(t.Context(), commands.Call{
		Name: name, Rest: rest, Conversation: c.conversation, Person: c.person, SenderName: c.name,
		Model: c.store.model, Persona: c.store.persona, UserKey: "slack:private:" + c.person.SenderID,
		ChatID: "C1", Group: c.group, Room: c.room, Mentions: c.mentions, Locale: func() string { return c.locale },
		Event: fmt.Sprint(t.Name(), c.events), EventID: int64(c.events), At: c.now(), Now: c.now(),
	})
	if err != nil || answer.Apply == nil {
		return answer, err
	}
	var instead string
	err = c.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		var err error
		instead, err = answer.Apply(ctx, tx, c.conversation)
		return err
	})
	if instead != "" {
		answer.Text = instead
	}
	return answer, err
}

// say is one exchange and the answer it must get.
type say struct{ text, want string }

func (c *chat) expect(t *testing.T, exchanges ...say) {
	t.Helper()
	for _, e := range exchanges {
		answer, err := c.send(t, e.text)
		if err != nil || answer.Text != e.want {
			t.Errorf("%.60q\n got %.200q, %v\nwant %.200q", e.text, answer.Text, err, e.want)
		}
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	long := strings.Repeat("k", memory.MaxKeyBytes+1)
	c.expect(t,
		say{"/save", "Usage: /save [key] [value]"},
		say{"/save city", "Usage: /save [key] [value]"},
		say{"/save city   ", "Usage: /save [key] [value]"},
		say{"/SAVE  city \t Paris,  la  Ville\nLumière ", "Saved preference 'city' with value 'Paris,  la  Ville\nLumière'"},
		say{"/load city", "Preference 'city': Paris,  la  Ville\nLumière"},
		say{"/save City Rome %s", "Saved preference 'City' with value 'Rome %s'"},
		say{"/Load City", "Preference 'City': Rome %s"},
		say{"/save city Alice", "Saved preference 'city' with value 'Alice'"},
		say{"/load city", "Preference 'city': Alice"},
		say{"/load CITY", "No preference found with key 'CITY'"},
		say{"/load", "Usage: /load [key]"},
		say{"/load city City", "Usage: /load [key]"},
		say{`/save "home  town" "Le Havre"`, `Saved preference 'home  town' with value '"Le Havre"'`},
		say{`/load "home  town"`, `Preference 'home  town': "Le Havre"`},
		say{`/load home  town`, "Usage: /load [key]"},
		say{`/save "" x`, "Usage: /save [key] [value]"},
		say{"/save " + long + " v", "Not saved: the key is longer than 255 bytes."},
		say{"/save big " + strings.Repeat("v", memory.MaxValueBytes+1), "Not saved: the value is longer than 64 KiB."},
		say{"/load big", "No preference found with key 'big'"},
	)
	c.person.Tenant = "T2"
	c.expect(t, say{"/load city", "No preference found with key 'city'"})
}

// Nothing is stored before the turn's commit.
func TestSaveWritesOnlyInApply(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	if _, err := c.registry.Run(t.Context(), commands.Call{Name: "save", Rest: "city Paris", Person: c.person}); err != nil {
		t.Fatal(err)
	}
	c.expect(t, say{"/load city", "No preference found with key 'city'"})
}

func message(role conversation.Role, at, content string) conversation.Message {
	when, err := time.Parse(time.DateTime, at)
	if err != nil {
		panic(err)
	}
	return conversation.Message{Role: role, Content: content, Timestamp: when}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.expect(t, say{"/history", "No messages in history."})
	c.store.messages = []conversation.Message{
		message(conversation.RoleUser, "2026-01-15 19:30:22", "Hello there!"),
		message(conversation.RoleAssistant, "2026-01-15 19:30:23", "Hi.\n\nHow are you? 100%d"),
		message(conversation.RoleTool, "2026-01-15 19:30:24", "{}"),
		message(conversation.RoleUser, "2026-01-16 03:30:45", "/save name Alice"),
		message(conversation.RoleAssistant, "2026-01-16 03:30:45", "Saved preference 'name' with value 'Alice'"),
	}
	const last = "[2026-01-16 03:30:45] You: /save name Alice\n" +
		"[2026-01-16 03:30:45] Bot: Saved preference 'name' with value 'Alice'"
	const all = "Last 4 messages:\n\n" +
		"[2026-01-15 19:30:22] You: Hello there!\n" +
		"[2026-01-15 19:30:23] Bot: Hi.\n\nHow are you? 100%d\n" + last
	c.expect(t,
		say{"/history", all},
		say{"/history 2", "Last 2 messages:\n\n" + last},
		say{"/history 0099999999999999999999999", all},
		say{"/history 0", "Usage: /history [n]"},
		say{"/history -1", "Usage: /history [n]"},
		say{"/history 2.5", "Usage: /history [n]"},
		say{"/history ten", "Usage: /history [n]"},
		say{"/history 1 2", "Usage: /history [n]"},
		say{"/save timezone America/New_York", "Saved preference 'timezone' with value 'America/New_York'"},
		say{"/history 1", "Last 1 messages:\n\n[2026-01-15 22:30:45] Bot: Saved preference 'name' with value 'Alice'"},
	)
	const utc = "Last 1 messages:\n\n[2026-01-16 03:30:45] Bot: Saved preference 'name' with value 'Alice'"
	for _, zone := range []string{"Nowhere/Land", "../../etc/passwd", "Local", "UTC"} {
		if _, err := c.send(t, "/save timezone "+zone); err != nil {
			t.Fatal(err)
		}
		c.expect(t, say{"/history 1", utc})
	}
	c.conversation = 0
	c.expect(t, say{"/history", "No messages in history."})
}

func TestHistoryCounts(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	for i := range 150 {
		c.store.messages = append(c.store.messages, message(conversation.RoleUser, "2026-01-15 00:00:00", fmt.Sprint("m", i)))
	}
	for text, want := range map[string]int{"/history": 10, "/history 7": 7, "/history 100": 100, "/history 101": 100} {
		answer, err := c.send(t, text)
		first, _, _ := strings.Cut(answer.Text, "\n")
		if err != nil || first != fmt.Sprintf("Last %d messages:", want) || strings.Count(answer.Text, "You: ") != want {
			t.Errorf("%s: %q, %v", text, first, err)
		}
		if !strings.HasSuffix(answer.Text, " m149") {
			t.Errorf("%s does not end with the newest message", text)
		}
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.store.messages = make([]conversation.Message, 4)
	for _, p := range []memory.Person{c.person, {Tenant: "T2", Platform: "slack", SenderID: "U2"}} {
		c.learn(t, memory.Effect{ID: p.SenderID, At: time.Now()}, memory.Seen{Person: p})
	}
	c.expect(t, say{"/stats", "Bot Statistics:\nTotal Conversations: 1\nTotal Messages: 4\nTotal Users: 1"})
	c.expect(t, say{"/stats commands", "No commands have been used yet."}, say{"/stats me", "Usage: /stats [commands]"})
	for i, name := range []string{"help", "save", "save"} {
		c.learn(t, memory.Effect{ID: fmt.Sprint(i), At: time.Now()}, memory.CountCommand{Realm: c.person.Realm(), Name: name})
	}
	c.expect(t, say{"/stats Commands", "Command Statistics:\n/save: 2\n/help: 1"})
	c.person.Tenant = "T3"
	c.expect(t, say{"/stats", "Bot Statistics:\nTotal Conversations: 0\nTotal Messages: 0\nTotal Users: 0"},
		say{"/stats commands", "No commands have been used yet."})
}

func TestReset(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	for _, text := range []string{"/reset", "/CLEAR now"} {
		answer, err := c.send(t, text)
		if err != nil || answer.Text != "Conversation cleared" || !answer.Unkept {
			t.Errorf("%s: %+v, %v", text, answer, err)
		}
	}
	if fmt.Sprint(c.store.cleared) != "[7 7]" {
		t.Errorf("cleared %v", c.store.cleared)
	}
	c.conversation = 0
	c.expect(t, say{"/reset", "Conversation cleared"})
	if len(c.store.cleared) != 2 {
		t.Error("a conversation that does not exist was cleared")
	}
	answer, err := c.send(t, "/help")
	if err != nil || answer.Unkept {
		t.Errorf("/help must be kept: %v", err)
	}
}

const englishHelp = `Available commands:
!bot help – Show this list
!bot save [key] [value] – Save a preference
!bot load [key] – Show a preference
!bot remember [key] is [value] – Remember a fact; with only a key, show it; with search TEXT, find facts
!bot forget [key] – Forget a fact
!bot kudos @user [for reason] – Thank someone; without a name, show your own kudos
!bot leaderboard [kudos|messages|tokens] [day|week|month|all] – Show this chat's leaderboard
!bot history [n] – Show the last n messages of this conversation (10 by default)
!bot stats [commands] – Show usage statistics; with commands, how often each was used
!bot tokens – Show how many tokens were used
!bot model [name] – Show or set the model of this conversation
!bot persona [name] – Show or set the persona of this conversation
!bot export – Export this conversation as JSON
!bot stop – Stop the reply in progress
!bot approve [code] – Allow a tool that I asked to use, once
!bot deny [code] – Deny a tool that I asked to use
!bot reset, !bot clear – Clear this conversation
!bot forget-me [yes] – Erase everything stored about you`

func TestPrefixAndUnknown(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{Prefix: "!bot "})
	c.expect(t,
		say{"!bot HELP", englishHelp},
		say{"!bot save", "Usage: !bot save [key] [value]"},
		say{"!bot Savexyz a b", "Unknown command: !bot Savexyz. Send !bot help to see available commands."},
		say{"!bot %d", "Unknown command: !bot %d. Send !bot help to see available commands."},
	)
	newChat(t, commands.Options{}).expect(t,
		say{"/savexyz a b", "Unknown command: /savexyz. Send /help to see available commands."},
		say{"//save a b", "Unknown command: //save. Send /help to see available commands."},
	)
}

func TestChinese(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{Language: commands.Chinese})
	c.expect(t,
		say{"/save 城市 巴黎", "已保存偏好“城市”，值为“巴黎”"},
		say{"/load 城市", "偏好“城市”：巴黎"},
		say{"/load", "用法：/load [key]"},
		say{"/nope", "未知命令：/nope。发送 /help 查看可用命令。"},
	)
}

// The person's preference comes before the platform's locale, and that before
// what is configured.
func TestLanguageOfTheAnswer(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.locale = "zh-CN"
	c.expect(t, say{"/load", "用法：/load [key]"}, say{"/save language en", "已保存偏好“language”，值为“en”"},
		say{"/load", "Usage: /load [key]"}, say{"/save language Klingon", "Saved preference 'language' with value 'Klingon'"},
		say{"/load", "用法：/load [key]"})
	c.locale = ""
	c.expect(t, say{"/load", "Usage: /load [key]"}, say{"/save language zh", "Saved preference 'language' with value 'zh'"},
		say{"/load", "用法：/load [key]"})
}

func TestExport(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.store.messages = []conversation.Message{message(conversation.RoleUser, "2026-01-15 19:30:22", "<Hello>")}
	answer, err := c.send(t, "/export")
	if err != nil || answer.Code != "json" || answer.Kept != "Exported 1 messages" ||
		!strings.Contains(answer.Text, `"content":"<Hello>"`) || !strings.Contains(answer.Text, `"timestamp":"2026-01-15T19:30:22Z"`) {
		t.Errorf("%+v, %v", answer, err)
	}
	if f := answer.File; f == nil || f.Name != "conversation.json" || f.Content != answer.Text || f.Kept != answer.Kept {
		t.Errorf("file %+v", f)
	}
	c.store.messages[0].Content = strings.Repeat("x", 64<<10)
	const tooLong = "This conversation (1 messages) is larger than the 64 KiB I can send here. An administrator can export it in full: parley conversations export 7"
	answer, err = c.send(t, "/export")
	if f := answer.File; err != nil || answer.Text != tooLong || answer.Code != "" || answer.Kept != "" ||
		f == nil || !strings.Contains(f.Content, c.store.messages[0].Content) || f.Kept != "Exported 1 messages" {
		t.Errorf("too long for a message: %.200s, %v", answer.Text, err)
	}
	c.store.messages[0].Content = strings.Repeat("x", 4<<20)
	if answer, err = c.send(t, "/export"); err != nil || answer.Text != tooLong || answer.File != nil {
		t.Errorf("too long for a file: %.200s, %v", answer.Text, err)
	}
	c.conversation = 0
	c.expect(t, say{"/export", "There is nothing to export yet."})
}

// Where a command does not work, and for whom, it says so and is not in the list.
func TestWhereAndWho(t *testing.T) {
	t.Parallel()
	done := func(context.Context, commands.Call) (commands.Answer, error) {
		return commands.Answer{Text: "done"}, nil
	}
	c := newChat(t, commands.Options{More: []commands.Command{
		{Name: "secret", Where: commands.PrivateOnly, Run: done},
		{Name: "vote", Where: commands.GroupOnly, Run: done},
		{Name: "purge", Allowed: func(c commands.Call) bool { return c.Person.SenderID == "U9" }, Run: done},
	}})
	c.expect(t, say{"/secret", "done"}, say{"/vote", "/vote only works in a group chat."}, say{"/purge", "You are not allowed to use /purge."})
	c.group, c.person.SenderID = true, "U9"
	c.expect(t, say{"/secret", "/secret only works in a private chat."}, say{"/vote", "done"}, say{"/purge", "done"})
	answer, err := c.send(t, "/help")
	if err != nil || strings.Contains(answer.Text, "/secret") || !strings.Contains(answer.Text, "/vote") || !strings.Contains(answer.Text, "/purge") {
		t.Errorf("%s, %v", answer.Text, err)
	}
}

// A database that fails is an error for the turn to repeat, never an answer.
func TestErrorsAreNotAnswers(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, text := range []string{"/history", "/stats", "/reset"} {
		c := newChat(t, commands.Options{})
		c.store.err = broken
		if answer, err := c.send(t, text); !errors.Is(err, broken) {
			t.Errorf("%s: %q, %v", text, answer.Text, err)
		}
	}
	for _, text := range []string{"/save a b", "/load a", "/stats"} {
		c := newChat(t, commands.Options{})
		if err := c.db.Close(); err != nil {
			t.Fatal(err)
		}
		if answer, err := c.send(t, text); err == nil {
			t.Errorf("%s on a closed database: %q", text, answer.Text)
		}
	}
}
