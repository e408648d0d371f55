package upgrade_test

import (
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// lastBefore is the last migration of the version before.
const lastBefore = "7"

// TestBesideTheVersionBefore: while the version before serves, this one neither
// changes its tables nor serves beside it, and says why; afterwards it does.
func TestBesideTheVersionBefore(t *testing.T) {
	t.Parallel()
	old, now := programs(t)
	for _, s := range stores() {
		if s.dynamo { // its tables have no versions
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			side := newSide(t, s.name, s.environ(t, "beside"))
			g := side.serve(old, "thread")
			g.say(line{home, "alice", "hello"})
			for _, command := range []string{"migrate up", "serve"} {
				said, code := side.run(now, strings.Fields(command)...)
				if code != 1 || !strings.Contains(said, "parley: "+command+": ") || !strings.Contains(said, "stop") && !strings.Contains(said, "another") {
					t.Errorf("%s beside the version before: exit code %d\n%s", command, code, said)
				}
			}
			if got := g.say(line{home, "alice", "still there?"}); got != "I was given 3 messages." {
				t.Errorf("the version before says %q", got)
			}
			g.stop()
			if said, code := side.run(now, "migrate", "up"); code != 0 || !strings.Contains(said, "applied") {
				t.Errorf("after it ended: exit code %d\n%s", code, said)
			}
		})
	}
}

// usesATool is an answer of a model that wants to know the time.
const usesATool = `{"choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":"",` +
	`"tool_calls":[{"id":"call_1","type":"function","function":{"name":"current_time","arguments":"{}"}}]}}]}`

// TestBackToTheVersionBefore takes the schema back to that version's, which then
// goes on with what both have stored.
func TestBackToTheVersionBefore(t *testing.T) {
	t.Parallel()
	old, now := programs(t)
	for _, s := range stores() {
		if s.dynamo {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			side := newSide(t, s.name, s.environ(t, "back"))
			for _, bin := range []string{old, now} {
				g := side.serve(bin, "thread")
				g.say(line{home, "alice", "hello"})
				g.say(line{home, "alice", "/save city Paris"})
				if bin == now { // and uses a tool, as the version before never did
					side.model.Script(fakeopenai.Step{Raw: usesATool})
					g.say(line{home, "bob", "what time is it?"})
				}
				g.stop()
			}
			if said, code := side.run(now, "migrate", "down", "--to", lastBefore, "--yes"); code != 0 {
				t.Fatalf("migrate down: exit code %d\n%s", code, said)
			}
			g := side.serve(old, "thread")
			if got := g.say(line{home, "alice", "/load city"}); got != "Preference 'city': Paris" {
				t.Errorf("the version before says %q", got)
			}
			if got := g.say(line{home, "bob", "and now?"}); got != "I was given 5 messages." { // the use and its result are two
				t.Errorf("after a use of a tool the version before says %q", got)
			}
			if got := g.say(line{home, "alice", "hello again"}); got != "I was given 5 messages." {
				t.Errorf("the version before says %q", got)
			}
		})
	}
}
