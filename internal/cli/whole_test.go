package cli

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// said is what a person says before the backup: something for every command
// that can be asked for afterwards.
var said = []string{
	"/save city Paris", "/save note  two  spaces ", "Hello there 🦜", "/remember wifi is the password is tea", "/remember 会议室 is 三楼左边",
	"/kudos @bob for the coffee", "/kudos @carol", "/model echo", "And one more",
}

// asked is what must be answered after a restore as it was before the backup.
var asked = []string{
	"/load city", "/load note", "/load nothing", "/remember wifi", "/remember search 三楼", "/kudos", "/model", "/persona",
	"/leaderboard", "/leaderboard kudos day", "/leaderboard messages week", "/leaderboard tokens month", "/leaderboard messages all",
	"/tokens", "/stats", "/stats commands", "/history 100", "/export",
}

// TestRestoredAnswersAsBefore takes a whole backup of every database, restores it into an empty one, and asks every command there.
func TestRestoredAnswersAsBefore(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, engine database.Engine) {
		t.Helper()
		restoredAnswersAsBefore(t, onURL(t, dbtest.URL(t, engine)), onURL(t, dbtest.URL(t, engine)))
	})
}

// TestRestoredAnswersAsBeforeOnDynamoDB is the same with memory in DynamoDB.
func TestRestoredAnswersAsBeforeOnDynamoDB(t *testing.T) { //nolint:paralleltest // see below
	endpoint := os.Getenv("PARLEY_TEST_DYNAMODB")
	if endpoint == "" {
		t.Skip("PARLEY_TEST_DYNAMODB is not set (scripts/dynamo starts an emulator)")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "x") // the SDK reads the process's own environment
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	var runs [2]cliRun
	for i := range runs {
		runs[i] = onURL(t, dbtest.URL(t, database.SQLite))
		runs[i].env = append(runs[i].env, "PARLEY_MEMORY__BACKEND=dynamodb", "PARLEY_MEMORY__DYNAMODB__ENDPOINT="+endpoint,
			"PARLEY_MEMORY__DYNAMODB__REGION=local", "PARLEY_MEMORY__DYNAMODB__TABLE_PREFIX=test_"+strings.ToLower(rand.Text())+"_")
		runs[i].want(`^ready`, "memory create-tables")
	}
	restoredAnswersAsBefore(t, runs[0], runs[1])
}

func restoredAnswersAsBefore(t *testing.T, from, to cliRun) {
	t.Helper()
	from.env = append(from.env, "PARLEY_AI_MODEL=echo")
	to.env = append(to.env, "PARLEY_AI_MODEL=echo")
	for _, line := range said {
		from.chat(line)
	}
	dir := filepath.Join(from.dir, "whole")
	from.want(`^wrote 1 conversation to `, "backup --to", dir)
	from.want(`is complete: 1 conversation with 18 messages`, "backup verify", dir)
	to.want(`^restored 1 conversation from `, "restore --from", dir)
	to.want(`^restored 0 conversations from .*, 1 already there\n$`, "restore --mode merge --from", dir) // and nothing counts twice
	compare(t, from, to, "restored")

	to.chat("/save city Rome")
	to.chat("/remember new is since the backup")
	to.chat("/kudos @bob")
	to.want(`(?s)^replaces 1 conversation \(.*preferences|dynamodb.*restored 1 conversation from `, "restore --mode replace --yes --from", dir)
	again := filepath.Join(from.dir, "again")
	to.want(`^wrote 1 conversation to `, "backup --to", again)
	for _, path := range parts(t, dir) {
		before, after := sorted(t, filepath.Join(dir, path)), sorted(t, filepath.Join(again, path))
		if before != after {
			t.Errorf("replaced: %s holds\n%s\nand held\n%s", path, after, before)
		}
	}
}

// compare asks both the same and wants the same answers.
func compare(t *testing.T, from, to cliRun, when string) {
	t.Helper()
	for _, line := range asked {
		want, got := from.chat(line), to.chat(line)
		if got != want {
			t.Errorf("%s: %s answers\n%s\nand answered\n%s", when, line, got, want)
		}
	}
}

// clock is what differs between two runs of the same: ids and times of what was said since.
var clock = regexp.MustCompile(`"id":\d+|"event_id":"[^"]*"|"last_activity":"[^"]*"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`)

// chat says one thing at the terminal and returns the answer.
func (c cliRun) chat(line string) string {
	c.t.Helper()
	code, out, errs := c.do(line+"\n", "chat")
	if code != 0 || out == "" {
		c.t.Errorf("%s: exit code %d, wrote %q, stderr %q", line, code, out, errs)
	}
	return clock.ReplaceAllString(out, "…")
}

func parts(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(paths) < 4 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

// effects is what a counter of DynamoDB remembers of who changed it.
var effects = regexp.MustCompile(`"recent":{"BS":\[[^]]*\]},`)

// sorted returns the lines of a file in an order of their own.
func sorted(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(effects.ReplaceAllString(string(text), ""), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
