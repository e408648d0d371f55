package upgrade_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// store is one way to keep everything.
type store struct {
	name   string
	engine database.Engine
	dynamo bool
}

func stores() []store {
	var list []store
	for _, engine := range dbtest.Engines() {
		list = append(list, store{string(engine), engine, false})
	}
	if emulator() != "" {
		list = append(list, store{"dynamodb", database.SQLite, true})
	}
	return list
}

func emulator() string {
	return os.Getenv("PARLEY_TEST_DYNAMODB")
}

// environ returns what points a side to a database of its own.
func (s store) environ(t *testing.T, side string) []string {
	t.Helper()
	env := []string{"CONVERSATION_DB_URL=" + dbtest.URL(t, s.engine)}
	if s.dynamo {
		env = append(env, "PARLEY_MEMORY__BACKEND=dynamodb", "PARLEY_MEMORY__DYNAMODB__ENDPOINT="+emulator(), "PARLEY_MEMORY__DYNAMODB__REGION=local",
			"PARLEY_MEMORY__DYNAMODB__TABLE_PREFIX="+fmt.Sprintf("upgrade_%d_%s_", os.Getpid(), side), "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	}
	return env
}

// TestUpgrade lets the version before fill two equal databases and leaves them
// in the middle of a reply. One goes on with that version, the other with this
// one; then both are asked the same.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	old, now := programs(t)
	if emulator() == "" {
		t.Log("left out: DynamoDB; run under scripts/dynamo")
	}
	for _, s := range stores() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var answers [2]map[string]string
			var both sync.WaitGroup
			for i, bin := range []string{old, now} {
				side := newSide(t, []string{"before", "now"}[i], s.environ(t, fmt.Sprint(i)))
				both.Go(func() {
					if s.dynamo {
						side.run(old, "memory", "create-tables")
					}
					side.fill(old)
					answers[i] = side.ask(bin)
				})
			}
			both.Wait()
			if !t.Failed() {
				compare(t, answers[0], answers[1])
			}
		})
	}
}

// fill tells the story to the version before, and kills it in the middle of
// replies, with further events open, ignored and dead.
func (s *side) fill(old string) {
	for _, scope := range scopes() {
		g := s.serve(old, scope)
		for _, l := range story() {
			g.say(l.in(scope))
		}
		g.stop()
	}
	g := s.serve(old, "thread")
	s.model.Script(fakeopenai.Fail(400, "content_filter"))
	g.say(line{home, "carol", "this one is refused for good"})
	release := s.model.Hold()
	calls := len(s.model.Calls())
	g.send(line{home, "alice", "the reply to this is being made"})
	g.send(line{channel, "U1", "and the reply to this"})
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if _, err := s.model.WaitCalls(ctx, calls+2); err != nil {
		s.t.Fatalf("%s: the model is not asked: %v\n%s", s.name, err, g.logs.String())
	}
	g.send(line{home, "alice", "this one waits"})
	g.kill()
	release()
}

// ask lets a version go on with what was left, and returns its answers: first
// what is there, then what the commands make of it.
func (s *side) ask(bin string) map[string]string {
	answers := map[string]string{}
	g := s.serve(bin, "thread")
	g.settled()
	for _, path := range pages() {
		answers["GET "+path] = string(g.get(path))
	}
	answers["Slack"] = strings.Join(s.slack.Texts(), "\n--\n")
	g.stop()
	for _, c := range commands() {
		said, code := s.run(bin, strings.Fields(c)...)
		answers[c] = fmt.Sprintf("exit code %d\n%s", code, said)
	}
	asked := map[string]bool{}
	for _, scope := range scopes() {
		g = s.serve(bin, scope)
		for i, l := range questions() {
			once := l.once(scope)
			if once != "" && asked[once] {
				continue
			}
			asked[once] = true
			before := len(s.model.Calls())
			what := fmt.Sprintf("%s %02d %s of %s in %s", scope, i, l.text, l.sender, l.place)
			answers[what] = g.say(l.in(scope))
			if calls := s.model.Calls(); len(calls) > before {
				answers[what+", prompt"] = prompt(calls[len(calls)-1])
			}
		}
		g.stop()
	}
	answers["Slack's messages"] = fmt.Sprint(len(s.slack.Messages()))
	return answers
}

func prompt(c fakeopenai.Call) string {
	var b strings.Builder
	for _, m := range c.Messages {
		fmt.Fprintf(&b, "%s: %s\n", m.Role, m.Content)
	}
	return b.String()
}

// timeless takes out what differs between two sides that were filled one after the other.
func timeless(text string) string {
	for _, p := range []struct{ pattern, with string }{
		{`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?`, "TIME"},
		{`"took_ms":\d+`, `"took_ms":0`},
	} {
		text = regexp.MustCompile(p.pattern).ReplaceAllString(text, p.with)
	}
	return text
}

// unordered sorts a list of conversations: which of two that were left in the
// middle of a reply goes on first is chance.
func unordered(list string) string {
	items := strings.Split(strings.ReplaceAll(list, `{"id":`, "\n{\"id\":"), "\n")
	for i := range items {
		items[i] = strings.TrimRight(items[i], ",")
	}
	slices.Sort(items)
	return strings.Join(items, "\n")
}

func compare(t *testing.T, before, now map[string]string) {
	t.Helper()
	for _, what := range sorted(before, now) {
		was, is := timeless(before[what]), timeless(now[what])
		if strings.Contains(what, "conversations list") || strings.Contains(what, "/conversations") {
			was, is = unordered(was), unordered(is)
		}
		why := "nothing says that it has changed"
		for _, c := range changes() {
			if c.what.MatchString(what) {
				was, is, why = c.now(was), c.same(is), c.why
			}
		}
		if was != is {
			t.Errorf("%s (%s)\n%s", what, why, difference(was, is))
		}
	}
}

// difference returns the lines that only one of two texts has.
func difference(was, is string) string {
	var b strings.Builder
	before, now := strings.Split(was, "\n"), strings.Split(is, "\n")
	for _, side := range []struct {
		mark      string
		one, rest []string
	}{{"-", before, now}, {"+", now, before}} {
		for _, line := range side.one {
			if !slices.Contains(side.rest, line) {
				fmt.Fprintf(&b, "%s %s\n", side.mark, line)
			}
		}
	}
	return b.String()
}
