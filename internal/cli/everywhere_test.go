package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// cliRun runs parley on one database as a person would, in a directory of its own.
type cliRun struct {
	t   *testing.T
	dir string
	env []string
}

func onURL(t *testing.T, url string) cliRun {
	t.Helper()
	dir := t.TempDir()
	return cliRun{t, dir, []string{"CONVERSATION_DB_URL=" + url, "CONVERSATION_DATA_DIR=" + dir, "PARLEY_SCHEDULER__BACKUP_DIR=" + filepath.Join(dir, "backups")}}
}

// do runs one command and returns what it wrote.
func (c cliRun) do(in string, args ...string) (code int, out, errs string) {
	c.t.Helper()
	var o, e bytes.Buffer
	code = Run(c.t.Context(), "v1", Streams{In: strings.NewReader(in), Out: &o, Err: &e}, args, c.env)
	return code, o.String(), e.String()
}

// want runs a command that must work and whose output must match.
func (c cliRun) want(pattern, command string, more ...string) string {
	c.t.Helper()
	code, out, errs := c.do("", append(strings.Fields(command), more...)...)
	if code != 0 || errs != "" || !regexp.MustCompile(pattern).MatchString(out) {
		c.t.Errorf("%s: exit code %d, stderr %q, wrote\n%swant %s", command, code, errs, out, pattern)
	}
	return out
}

// refuses runs a command that must fail with one line that matches.
func (c cliRun) refuses(code int, pattern, command string, more ...string) {
	c.t.Helper()
	got, _, errs := c.do("", append(strings.Fields(command), more...)...)
	if got != code || strings.Count(errs, "\n") != 1 || !regexp.MustCompile(pattern).MatchString(errs) {
		c.t.Errorf("%s: exit code %d, want %d, stderr %q, want one line: %s", command, got, code, errs, pattern)
	}
}

// file writes a file and returns its path.
func (c cliRun) file(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func eachDatabase(t *testing.T, fn func(t *testing.T, engine database.Engine)) {
	t.Helper()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			fn(t, engine)
		})
	}
}

// The files of the tests below. The second is as feishu_webhook_bot writes it:
// no zone, counters that are wrong, null where nothing is.
const (
	aliceFile = `{"conversation":{"user_key":"slack:private:alice","platform":"slack","chat_id":"C1"},"messages":[
{"role":"user","content":"Hi 🦜","timestamp":"2020-01-02T03:04:05+08:00"},
{"role":"assistant","content":"Hello","timestamp":"2020-01-02T03:04:06Z","tokens":7,"metadata":{"a":{"b":[1,null]}}}]}`
	oldFile = `{"conversation": {"id": 1, "user_key": "feishu:group:bob", "platform": "feishu", "chat_id": null,
"created_at": "2020-01-08T10:00:00.5", "last_activity": "2020-01-08T11:30:00", "summary": null, "total_tokens": 9999, "message_count": 9999},
"messages": [{"id": 7, "role": "user", "content": "x", "timestamp": "2020-01-08T10:00:00", "tokens": 5, "metadata": null},
{"id": 8, "role": "assistant", "content": "y", "timestamp": null, "tokens": 1, "metadata": {}}]}`
	newFile = `{"conversation":{"user_key":"slack:private:carol","platform":"slack"},"messages":[{"role":"user","content":"Hi","timestamp":"2999-01-01T00:00:00Z"}]}`
)

// TestCommandsEverywhere runs every command on the store on every database.
func TestCommandsEverywhere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, engine database.Engine) {
		t.Helper()
		c := onURL(t, dbtest.URL(t, engine))
		dir := filepath.Join(c.dir, "backup")
		c.want(`^applied +0001_initial\n`, "migrate up")
		c.want(`(?s)^applied +0001_initial\n(applied [^\n]+\n)*$`, "migrate status")
		c.want(`^{"items":\[\]}\n$`, "conversations list --json")
		c.want(`as conversation 1 \(2 messages\)\n.*as conversation 2 \(2 messages\)\n.* 3 \(1 messages\)\n$`, "conversations import",
			c.file("alice.json", aliceFile), c.file("old.json", oldFile), c.file("new.json", newFile))
		c.want(`(?m)^1 +slack:private:alice +slack +C1 +2 +7 +2020-01-02 03:04$`, "conversations list")
		c.want(`(?m)^2 +feishu:group:bob +feishu +2 +6 +2020-01-08 11:30$`, "conversations list")
		c.want(`(?s)^conversation +1\nuser +slack:private:alice\n.*2020-01-01 19:04  user  \(0 tokens\)\nHi 🦜\n`, "conversations show 1")
		c.want(`"metadata":{"a":{"b":\[1,null\]}}`, "conversations show 1 --json")
		c.want(`^{"model":"echo","messages":\[{"role":"user","content":"Hi 🦜"},{"role":"assistant","content":"Hello"}\],"tokens":13}\n$`, "conversations show 1 --prompt")
		c.want(`^{"total_conversations":3,"total_messages":5,"total_tokens":13,`, "stats --json")
		c.want(`(?m)^messages +5$`, "stats")

		before := c.want(`^{"conversation":{"id":1,`, "conversations export 1")
		c.want(`^wrote 3 conversations to `, "backup --to", dir)
		c.want(`^wrote 0 conversations to .*, 3 already there\n$`, "backup --to", dir)
		c.refuses(1, `^parley: restore: .*already exists`, "restore --from", dir)
		c.want(`^restored 0 conversations from .*, 3 already there\n$`, "restore --mode merge --from", dir)
		c.want(`^cleared conversation 1\n$`, "conversations clear 1 --yes")
		c.want(`(?m)^messages +0$`, "conversations show 1")
		c.want(`^restored 1 conversation from .*, 2 already there\n$`, "restore --mode merge --from", dir)
		after := c.want(`"message_count":2`, "conversations export 1")
		if withoutNumbers(t, before) != withoutNumbers(t, after) {
			t.Errorf("restored\n%s\nis not what was\n%s", after, before)
		}
		c.want(`^deleted conversation 1\n$`, "conversations delete 1 --yes")
		c.refuses(1, `^parley: conversations show: conversation 1: not found\n$`, "conversations show 1")
		c.refuses(1, `^parley: conversations show: conversation 1: not found\n$`, "conversations show 1 --prompt")

		archive := filepath.Join(c.dir, "archive")
		c.want(`^deletes 1 conversation \(2 messages\) .*\ndeleted 1 conversation\n$`, "cleanup --days 30 --archive", archive)
		c.want(`^{"total_conversations":1,`, "stats --json")
		c.want(`^restored 1 conversation from `, "restore --from", archive)
		c.want(`feishu:group:bob`, "conversations list")
		c.want(`^$`, "vacuum")
		c.want(`^$`, "vacuum --full")
		c.want(`(?m)^restored 3 conversations from `, "restore --mode replace --yes --from", dir)
		c.want(`^{"total_conversations":3,"total_messages":5,"total_tokens":13,`, "stats --json")
		c.want(`(?s)^undoes \d+ migrations and loses .*messages \(5\), conversations \(3\).*\nwrote 3 conversations to `+c.dir+`/backups/\d{8}-\d{6}\n.*undone +0001_initial\n$`,
			"migrate down --to 0 --yes")
		c.want(`(?m)^pending +0001_initial$`, "migrate status")
		c.want(`^nothing to do\n$`, "migrate down --to 0 --yes")
		saved, err := filepath.Glob(filepath.Join(c.dir, "backups", "*"))
		if err != nil || len(saved) != 1 {
			t.Fatal(saved, err)
		}
		c.want(`^restored 3 conversations `, "restore --from", saved[0])
		c.want(`^{"total_conversations":3,"total_messages":5,"total_tokens":13,`, "stats --json")
	})
}

// withoutNumbers returns an export without what a new import changes: ids, and the last activity.
func withoutNumbers(t *testing.T, export string) string {
	t.Helper()
	var a struct {
		Conversation map[string]any   `json:"conversation"`
		Messages     []map[string]any `json:"messages"`
	}
	if err := json.Unmarshal([]byte(export), &a); err != nil {
		t.Fatal(err)
	}
	delete(a.Conversation, "id")
	delete(a.Conversation, "last_activity")
	for _, m := range a.Messages {
		delete(m, "id")
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestUpgradeByCommand takes a database of the first landed version to today's schema.
func TestUpgradeByCommand(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, engine database.Engine) {
		t.Helper()
		c := onURL(t, dbtest.FirstVersion(t, engine))
		c.want(`^applied +0001_initial\npending `, "migrate status")
		c.want(`^applied +000[2-9]`, "migrate up")
		c.want(`^nothing to do\n$`, "migrate up")
		c.want(`^{"total_conversations":2,"total_messages":2,"total_tokens":12,`, "stats --json")
		c.want(`hello 🦜 assistant`, "conversations show 1")
		c.want(`received.* generic:private:alice`, "events list")
		c.want(`evt-1`, "events show evt-1")

		other := onURL(t, dbtest.FirstVersion(t, engine))
		other.want(`^{"total_conversations":2,`, "stats --json") // migrates by itself, as serve does
		third := onURL(t, dbtest.FirstVersion(t, engine))
		third.env = append(third.env, "PARLEY_AI__CONVERSATION_PERSISTENCE__MIGRATE=false")
		third.refuses(1, `^parley: stats: .*parley migrate up`, "stats")
	})
}

// TestBadInput: each is one line that names the place, and nothing is changed.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const start = `{"conversation":{"user_key":"slack:private:alice","chat_id":"C1"},"messages":[`
	checked := func(c cliRun) string {
		dir := filepath.Join(c.dir, "backup")
		c.want(`^wrote 1 `, "backup --to", dir)
		names, err := filepath.Glob(filepath.Join(dir, "0*.json"))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		text, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(string(text), "Hello", "Hallo", 1)
	}
	eachDatabase(t, func(t *testing.T, engine database.Engine) {
		t.Helper()
		c := onURL(t, dbtest.URL(t, engine))
		c.want(`conversation 1`, "conversations import", c.file("alice.json", aliceFile))
		before := c.want(``, "conversations list --json")
		for name, bad := range map[string]struct{ text, why string }{
			"truncated": {aliceFile[:len(aliceFile)-40], `line 3, column \d+: the file ends too early`},
			"empty":     {"", `line 1, column 0: the file ends too early`},
			"not json":  {"hello", `line 1, column 1: invalid character 'h'`},
			"html":      {"\n<html>", `line 2, column 1: invalid character '<'`},
			"other":     {`{"name":"left-pad","version":"1.0.0"}`, `not a conversation export`},
			"list":      {`[]`, `it is a JSON array`},
			"two":       {newFile + newFile, `line 1, column \d+: more follows`},
			"role":      {start + `{"role":"user"},{"role":"robot"}]}`, `messages\[1\]: role "robot" is not one of`},
			"tokens":    {start + `{"role":"user","tokens":-1}]}`, `messages\[0\]: tokens -1 is below 0`},
			"huge":      {start + `{"role":"user","tokens":9223372036854775807}]}`, `messages\[0\]: tokens 9223372036854775807`},
			"month":     {start + `{"role":"user","timestamp":"2026-13-45"}]}`, `messages\[0\]: timestamp "2026-13-45" is not a time`},
			"day":       {start + `{"role":"user","timestamp":"2025-02-30T10:00:00"}]}`, `messages\[0\]: timestamp`},
			"year":      {start + `{"role":"user","timestamp":"0001-01-01T00:00:00Z"}]}`, `messages\[0\]: timestamp is in the year 1`},
			"number":    {start + `{"role":"user","timestamp":1736330400}]}`, `messages\[0\]: timestamp is a JSON number`},
			"meta":      {start + `{"role":"user","metadata":[1]}]}`, `messages\[0\]: metadata`},
			"user":      {`{"conversation":{"user_key":""},"messages":[]}`, `conversation: user_key is empty`},
			"damaged":   {checked(c), `.*checksum is wrong`},
		} {
			path := c.file("bad.json", bad.text)
			for _, mode := range []string{"new", "merge", "replace --yes"} {
				c.refuses(1, `^parley: conversations import: .*bad.json: `+bad.why, "conversations import --mode "+mode, path)
			}
			from := filepath.Join(c.dir, name)
			if err := os.MkdirAll(from, 0o700); err != nil {
				t.Fatal(err)
			}
			c.file(filepath.Join(name, "bad.json"), bad.text)
			c.refuses(1, `^parley: restore: bad.json: `+bad.why, "restore --mode replace --yes --from", from)
		}
		c.refuses(1, `^parley: conversations import: .*: no such file or directory\n$`, "conversations import", filepath.Join(c.dir, "missing.json"))
		c.refuses(1, `^parley: conversations import: .*: is a directory\n$`, "conversations import", c.dir)
		c.refuses(1, `^parley: restore: .*: no such file or directory\n$`, "restore --from", filepath.Join(c.dir, "missing"))
		c.refuses(1, `^parley: restore: .*: not a directory\n$`, "restore --from", filepath.Join(c.dir, "alice.json"))
		c.refuses(1, `^parley: cleanup: the directory cannot be created: `, "cleanup --days 1 --archive", filepath.Join(c.dir, "alice.json"))
		c.refuses(1, `^parley: backup: the directory cannot be created: `, "backup --to", filepath.Join(c.dir, "alice.json"))
		for _, usage := range []string{
			"restore", "backup", "cleanup", "cleanup --days 0", "cleanup --days -1", "cleanup --days x", "restore --from", "restore --from x --mode all",
			"conversations import", "conversations show", "conversations show x", "conversations show 0", "conversations delete 1",
		} {
			c.refuses(2, `^parley: usage: `, usage)
		}
		if after := c.want(``, "conversations list --json"); after != before {
			t.Errorf("changed from\n%s\nto\n%s", before, after)
		}
	})
}

// A file that may not be read, and an address that is of no known kind.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	c := onURL(t, "")
	for name, url := range map[string]string{
		"oracle": "oracle://u:secret@h/db", "none": "just/a/path", "cut": "postgres://u:secret@/", "port": "mysql://u:secret@127.0.0.1:1/db",
	} {
		bad := onURL(t, url)
		code, out, errs := bad.do("", "stats")
		if code == 0 || out != "" || strings.Count(errs, "\n") != 1 || strings.Contains(errs, "secret") {
			t.Errorf("%s: exit code %d, %q, %q", name, code, out, errs)
		}
	}
	if os.Geteuid() == 0 {
		return // may read everything
	}
	path := c.file("mine.json", aliceFile)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	c.refuses(1, `^parley: conversations import: .*mine.json: permission denied\n$`, "conversations import", path)
	if err := os.Mkdir(filepath.Join(c.dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	c.refuses(1, `^parley: restore: .*: permission denied\n$`, "restore --from", filepath.Join(c.dir, "closed"))
}
