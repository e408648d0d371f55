package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/platforms"
)

// hostile steers a terminal in every way there is, in an id as in a text.
const hostile = "x\x1b[2J\x1b]0;owned\a\u009b31m\x7f\r\u202ez"

// TestNothingSteersTheTerminal fills every text that a stranger chooses and
// looks at all that the commands print.
func TestNothingSteersTheTerminal(t *testing.T) {
	t.Parallel()
	c := onURL(t, "sqlite:///"+t.TempDir()+"/x.db")
	c.want("", "migrate up")
	hostileEvent(t, c)
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	file := c.file("hostile.json", strings.ReplaceAll(`{"conversation":{"user_key":"slack:private:a","platform":"slack","chat_id":HOSTILE,"thread_id":HOSTILE,`+
		`"model":HOSTILE,"persona":HOSTILE,"summary":HOSTILE},"messages":[{"role":"user","content":HOSTILE,"timestamp":"2020-01-02T03:04:05Z"}]}`, "HOSTILE", string(quoted)))
	for _, test := range []struct {
		in    string
		shows string // of the hostile text, without what is taken from it
		json  bool
		args  []string
	}{
		{"", "imported", false, []string{"conversations", "import", file}},
		{"", "x[2J]0;owned31mz", false, []string{"conversations", "list"}},
		{"", "x[2J]0;owned31mz", false, []string{"conversations", "show", "1"}},
		{"", `x\u001b[2J`, true, []string{"conversations", "list", "--json"}},
		{"", `x\u001b[2J`, true, []string{"conversations", "show", "1", "--json"}},
		{"", `x\u001b[2J`, true, []string{"conversations", "export", "1"}},
		{"", "x[2J]0;owned31mz", false, []string{"events", "list"}},
		{"", "x[2J]0;owned31mz", false, []string{"events", "show", "1"}},
		{"", `x\u001b[2J`, true, []string{"events", "list", "--json"}},
		{"", `x\u001b[2J`, true, []string{"events", "show", "1", "--json"}},
		{"", "conversations", false, []string{"stats"}},
		{"say " + hostile, "x[2J]0;owned31mz", false, []string{"chat"}},
		{"", "owned", false, []string{"events", "list", "--log-level", hostile}},
		{"", "owned", false, []string{"conversations", "import", hostile}},
		{"", "owned", false, []string{hostile}},
		{"", "owned", false, []string{"config", "print", "--config", c.file("prompt.yaml", `ai: {system_prompt: `+string(quoted)+`}`)}},
		{"", "owned", false, []string{"config", "check", "--config", c.file("fault.yaml", `"`+strings.Trim(string(quoted), `"`)+`": 1`)}},
		{"", "owned", false, []string{"doctor", "--config", c.file("fault.yaml", `"`+strings.Trim(string(quoted), `"`)+`": 1`)}},
	} {
		_, out, errs := c.do(test.in, test.args...)
		command := strings.Join(test.args, " ")
		shown := out + errs
		if strings.ContainsFunc(shown, func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
		}) {
			t.Errorf("%q steers the terminal:\n%q", command, shown)
		}
		if test.json && !json.Valid([]byte(out)) {
			t.Errorf("%q: no JSON: %q", command, out)
		}
		if !strings.Contains(shown, test.shows) {
			t.Errorf("%q does not show %q:\n%q", command, test.shows, shown)
		}
	}
}

func hostileEvent(t *testing.T, c cliRun) {
	t.Helper()
	url := strings.TrimPrefix(c.env[0], "CONVERSATION_DB_URL=")
	db := dbtest.Open(t, url)
	if err := migrations.Check(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	b, err := inbox.New(t.Context(), inbox.Options{Ledger: inbox.NewLedger(db, outbox.Table{DB: db}), Owner: "test", Scope: inbox.ScopeThread})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Accept(t.Context(), []platforms.Event{{
		Platform: "generic", ID: "e" + hostile, Kind: platforms.KindMessage, ChatType: platforms.Private,
		ChatID: hostile, SenderID: "a" + hostile, SenderName: hostile, Text: hostile, Ignore: "because of " + hostile + "\nforged",
	}}); err != nil {
		t.Fatal(err)
	}
}
