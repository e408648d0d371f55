package gateway_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// The page that says what is shared.
const promise = "../docs/promise.md"

// differences are the ways in which who looks differs from who has spoken, who
// is alice of tenant T in a thread of the group C.
func differences() map[string]func(*platforms.Event) {
	return map[string]func(*platforms.Event){
		"tenant":  func(e *platforms.Event) { e.Tenant += "2" },
		"chat":    func(e *platforms.Event) { e.ChatID += "2" },
		"private": func(e *platforms.Event) { e.ChatType, e.ChatID, e.ThreadID = platforms.Private, "D", "" },
		"thread":  func(e *platforms.Event) { e.ThreadID += "2" },
		"user":    func(e *platforms.Event) { e.SenderID, e.SenderName = "bob", "Bob" },
		"source":  func(e *platforms.Event) { e.Tenant, e.Platform = "", e.Platform+"2" },
	}
}

// conversationTouches are what a conversation is shown by, so that the three of
// them are open together.
func conversationTouches() []string { return []string{"history", "prompt", "export"} }

// Whatever somebody leaves behind is seen by nobody else, except where the
// promise says so.
func TestIsolation(t *testing.T) {
	t.Parallel()
	open := promisedOpen(t)
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for _, scope := range []inbox.Scope{inbox.ScopeThread, inbox.ScopeChat, inbox.ScopeSender, inbox.ScopeRoom} {
			w := process(t, db, &model{reply: repeating}, &chat{}, options{scope: scope, owner: string(scope)})
			w.start()
			for _, what := range slices.Sorted(maps.Keys(differences())) {
				x := &isolation{world: w, name: fmt.Sprintf("%s-%s", scope, what)}
				seen := x.look(what)
				for touch, got := range seen {
					column := touch
					if slices.Contains(conversationTouches(), touch) {
						column = "conversation, " + string(scope)
					}
					if want, said := open[what][column]; !said || got != want {
						t.Errorf("scope %s, another %s: %s is open: %v, the promise says %v (said: %v)", scope, what, touch, got, want, said)
					}
				}
				if len(seen) != 8 {
					t.Errorf("looked at %v only", seen)
				}
			}
			w.gateway.Stop()
		}
	})
}

// isolation is one comparison: names that nobody else has.
type isolation struct {
	*world
	name string
	n    int
}

func (x *isolation) alice() platforms.Event {
	e := message("p-"+x.name, "", "alice", "")
	e.Tenant, e.ChatID, e.ThreadID, e.SenderName = "T-"+x.name, "C-"+x.name, "1", "Alice Needle"
	return e
}

// say returns the answer to a text.
func (x *isolation) say(e platforms.Event, text string) string {
	x.t.Helper()
	x.n++
	e.ID, e.Text, e.ReplyTo = fmt.Sprint(x.name, x.n), text, platforms.Address{ChatID: e.ChatID, ThreadID: e.ThreadID}
	s := x.final(x.accept(e)[0])
	if s.Reply == nil {
		x.t.Fatalf("%s: %+v", text, s)
	}
	return s.Reply.Text
}

// look has alice leave something of every kind behind, and returns what of it
// is open to who differs from her.
func (x *isolation) look(what string) map[string]bool {
	x.t.Helper()
	alice, other := x.alice(), x.alice()
	differences()[what](&other)
	if what == "source" {
		alice.Tenant = ""
	}
	x.say(alice, "the needle")
	x.say(alice, "/remember needle is in the haystack")
	seen := map[string]bool{"stats": !strings.Contains(x.say(other, "/stats"), "Total Messages: 0\n")}
	seen["board"] = strings.Contains(x.say(other, "/leaderboard messages"), "Alice")
	seen["facts"] = strings.Contains(x.say(other, "/remember needle"), "haystack")
	seen["search"] = strings.Contains(x.say(other, "/remember search needle"), "haystack")
	seen["history"] = strings.Contains(x.say(other, "/history 100"), "the needle")
	seen["export"] = strings.Contains(x.say(other, "/export"), "the needle")
	x.change(func(o *turn.Options) { o.Budget = budget.New(x.db, budget.Limits{Person: 267}, time.Minute) }) // room for one answer
	x.say(alice, "and one more")
	seen["budget"] = strings.Contains(x.say(other, "may I ask?"), "budget")
	x.change(func(o *turn.Options) { o.Budget = nil })
	x.say(other, "what else?")
	seen["prompt"] = slices.ContainsFunc(x.model.last(), func(text string) bool { return strings.Contains(text, "the needle") })
	return seen
}

// promisedOpen reads the table of the page: by what differs and what is touched,
// whether it is open.
func promisedOpen(t *testing.T) map[string]map[string]bool {
	t.Helper()
	page, err := os.ReadFile(promise)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Who shares what\n")
	open := map[string]map[string]bool{}
	var columns []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "## ") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch name, isRow := strings.CutPrefix(cells[0], "another "); {
		case cells[0] == "differs in":
			columns = cells
		case isRow && len(cells) == len(columns):
			open[name] = map[string]bool{}
			for i, cell := range cells[1:] {
				if cell != "apart" && cell != "**shared**" {
					t.Errorf("%s, %s: %q", name, columns[i+1], cell)
				}
				open[name][columns[i+1]] = cell == "**shared**"
			}
		}
	}
	if len(open) != len(differences()) {
		t.Fatalf("%s has rows for %v", promise, slices.Sorted(maps.Keys(open)))
	}
	return open
}
