package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation"
	parts "github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// A button under the question whether a tool may be used does what the command does:
// the asker's press counts once, on whichever replica and after whatever restart; what
// does not count is said to who pressed, and to nobody else.
func TestPressesDecide(t *testing.T) {
	t.Parallel()
	const yes, no = platforms.VerbApprove, platforms.VerbDeny
	type press struct {
		who  string
		verb platforms.Verb
	}
	for name, c := range map[string]struct {
		before  func(w *world, next func() *world) *world // returns where the presses arrive
		presses []press
		mailed  int
		said    string   // the reply to what counts; "" = nothing does
		aside   []string // to whom, and what
	}{
		"the asker's yes":   {presses: []press{{"ann", yes}}, mailed: 1, said: `it says: mailed {"to":"bob"}`},
		"somebody else's":   {presses: []press{{"bob", yes}}, aside: []string{"bob: You are not allowed to decide this."}},
		"somebody's no":     {presses: []press{{"bob", no}}, aside: []string{"bob: You are not allowed to decide this."}},
		"the asker's no":    {presses: []press{{"ann", no}}, said: "it says: not done: the person said no."},
		"twice":             {presses: []press{{"ann", yes}, {"ann", yes}}, mailed: 1, said: `it says: mailed {"to":"bob"}`, aside: []string{"ann: This has already been allowed."}},
		"a yes after a no":  {presses: []press{{"ann", no}, {"ann", yes}}, said: "it says: not done: the person said no.", aside: []string{"ann: This has already been denied."}},
		"a no after a yes":  {presses: []press{{"ann", yes}, {"ann", no}}, mailed: 1, said: `it says: mailed {"to":"bob"}`, aside: []string{"ann: This has already been allowed."}},
		"after a restart":   {before: restarted, presses: []press{{"ann", yes}, {"ann", yes}}, mailed: 1, said: `it says: mailed {"to":"bob"}`, aside: []string{"ann: This has already been allowed."}},
		"another replica":   {before: replicated, presses: []press{{"ann", yes}, {"ann", yes}}, mailed: 1, said: `it says: mailed {"to":"bob"}`, aside: []string{"ann: This has already been allowed."}},
		"after ten minutes": {before: aged, presses: []press{{"ann", yes}}, aside: []string{"ann: This request expired after 10 minutes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			p, b := &post{}, &whispering{}
			w := office(t, db, p, "one", options{sender: b})
			w.replyTo(w.accept(message("chat", "question", "ann", "mail bob"))[0])
			if c.before != nil {
				w = c.before(w, func() *world { return office(t, db, p, "two", options{sender: b}) })
			}
			for i, one := range c.presses {
				w.final(w.accept(pressedOn(fmt.Sprint("press", i), one.who, one.verb, "h1"))[0])
			}
			if n := p.times(`{"to":"bob"}`); n != c.mailed {
				t.Errorf("mailed %d times", n)
			}
			if got := b.texts()[1:]; c.said == "" && len(got) > 0 || c.said != "" && !slices.Equal(got, []string{c.said}) {
				t.Errorf("shown %q, want %q", got, c.said)
			}
			if !slices.EqualFunc(b.aside, c.aside, strings.HasPrefix) {
				t.Errorf("said aside %q, want %q", b.aside, c.aside)
			}
			w.replyTo(w.accept(message("chat", "later", "ann", "and now?"))[0])
			if what := w.toldOf("mail"); c.said == "" && !strings.Contains(what, "as long as there is none, it was not done") ||
				c.said != "" && "it says: "+what != c.said {
				t.Errorf("the model was told %q", what)
			}
			whole(t, w.history())
		})
	}
}

// restarted is the next process of a world that has ended.
func restarted(w *world, next func() *world) *world {
	w.gateway.Stop()
	return next()
}

// replicated is another process beside a world.
func replicated(_ *world, next func() *world) *world { return next() }

// aged is a world in which all questions were asked ten minutes earlier.
func aged(w *world, _ func() *world) *world {
	w.t.Helper()
	if _, err := w.db.Maintenance().ExecContext(w.t.Context(), "UPDATE approvals SET expires_at = expires_at - 600000000"); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// toldOf returns what the model was told in the end of the last use of a tool.
func (w *world) toldOf(tool string) (said string) {
	w.model.mu.Lock()
	defer w.model.mu.Unlock()
	ask := w.model.asked[len(w.model.asked)-1]
	for _, m := range slices.Concat(ask.History, ask.New) {
		if m.Role == conversation.RoleTool && m.Metadata[parts.MetaToolName] == tool {
			said = m.Content
		}
	}
	return said
}
