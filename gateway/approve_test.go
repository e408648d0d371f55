package gateway_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// post is what was mailed, and how often.
type post struct {
	mu   sync.Mutex
	sent map[string]int
	keys map[string]bool
}

func (p *post) times(arguments string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent[arguments]
}

// tools are a tool that asks first and one that does not.
func (p *post) tools(context.Context) []ai.Tool {
	run := func(_ context.Context, key, arguments string) (ai.ToolResult, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.sent == nil {
			p.sent, p.keys = map[string]int{}, map[string]bool{}
		}
		p.sent[arguments]++
		p.keys[key] = true
		return ai.ToolResult{Text: "mailed " + arguments}, nil
	}
	return []ai.Tool{
		{Name: "look", Schema: []byte("{}"), Run: func(context.Context, string, string) (ai.ToolResult, error) {
			return ai.ToolResult{Text: "looked"}, nil
		}},
		{Name: "mail", Schema: []byte("{}"), Effect: ai.Once, Approval: ai.Asked, Run: run},
	}
}

// mailing wants what somebody asks for to be mailed, and says what came of it.
func mailing(_ context.Context, ask ai.Ask, _ func(string)) (ai.Response, error) {
	if results := resultsIn(ask); len(results) > 0 {
		return answering("it says: " + results[len(results)-1]), nil
	}
	text := ask.New[len(ask.New)-1].Content
	what, mails := strings.CutPrefix(text, "mail ")
	if !mails {
		return answering("re " + text), nil
	}
	var calls []string
	for to := range strings.SplitSeq(what, " and ") {
		calls = append(calls, "mail", fmt.Sprintf(`{"to":%q}`, to))
	}
	return calling(append(calls, "look", "{}")...), nil
}

// office is a world whose model mails.
func office(t *testing.T, db *database.DB, p *post, owner string, o options) *world {
	t.Helper()
	o.owner, o.workers = owner, 4
	w := process(t, db, &model{whole: mailing}, &chat{}, o)
	w.change(func(o *turn.Options) {
		o.Tools = turn.Tools{MaxRounds: 4, Timeout: time.Minute, Approve: turn.ApproveAsker, More: p.tools}
	})
	w.start()
	return w
}

var ids atomic.Int64

// says has somebody say something in a thread of the room, and returns the reply.
func (w *world) says(who, text string) string {
	w.t.Helper()
	return w.replyTo(w.accept(message("silent", fmt.Sprint("m", ids.Add(1)), who, text))[0])
}

func (w *world) replyTo(a inbox.Accepted) string {
	w.t.Helper()
	w.final(a)
	e, err := w.inbox.Get(w.t.Context(), a.ID)
	if err != nil || e.State != inbox.Sent {
		w.t.Fatalf("event %d is %s: %s, %v", a.ID, e.State, e.Error, err)
	}
	d, err := w.outbox.Get(w.t.Context(), e.DeliveryID)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Text
}

// A question names the tool, its arguments and the commands. The asker's yes counts
// once, after a restart too; meanwhile everybody else is answered.
func TestApprove(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := &post{}
		w := office(t, db, p, "one", options{})
		asked := w.says("ann", "mail bob")
		for _, part := range []string{"`mail`", `{"to":"bob"}`, "`/approve`", "`/deny`"} {
			if !strings.Contains(asked, part) {
				t.Errorf("%q is without %s", asked, part)
			}
		}
		if got := w.says("bob", "hello"); got != "re hello" || p.times(`{"to":"bob"}`) != 0 {
			t.Errorf("meanwhile: %q, mailed %d times", got, p.times(`{"to":"bob"}`))
		}
		if got := w.says("bob", "/approve"); got != "You are not allowed to decide this." {
			t.Errorf("somebody else: %q", got)
		}
		w.gateway.Stop()
		w = office(t, db, p, "two", options{})
		if got := w.says("ann", "/approve"); got != `it says: mailed {"to":"bob"}` || p.times(`{"to":"bob"}`) != 1 {
			t.Errorf("yes: %q, mailed %d times", got, p.times(`{"to":"bob"}`))
		}
		if got := w.says("ann", "/approve"); got != "This has already been allowed." || p.times(`{"to":"bob"}`) != 1 {
			t.Errorf("a second yes: %q", got)
		}
		if got := w.says("ann", "/deny"); got != "This has already been allowed." {
			t.Errorf("a no after it: %q", got)
		}
		w.says("ann", "mail eve")
		if got := w.says("ann", "/deny"); got != "it says: not done: the person said no." {
			t.Errorf("no: %q", got)
		}
		if got := w.says("ann", "/approve"); got != "This has already been denied." || p.times(`{"to":"eve"}`) != 0 {
			t.Errorf("a yes after a no: %q", got)
		}
		if got := w.says("ann", "/approve NONSENSE"); got != "Nothing is waiting for approval." {
			t.Errorf("a wrong code: %q", got)
		}
		whole(t, w.history())
		if n := w.steps(); n != 0 {
			t.Errorf("%d steps are left", n)
		}
	})
}

// Where several wait, each has a code, and what is done is what the code stands for.
func TestApproveByCode(t *testing.T) {
	t.Parallel()
	p := &post{}
	w := office(t, dbtest.New(t), p, "one", options{})
	asked := w.says("ann", "mail bob and eve")
	codes := regexp.MustCompile("/approve ([2-9A-Z]{8})`").FindAllStringSubmatch(asked, -1)
	if len(codes) != 2 || strings.Contains(asked, "`/approve`") {
		t.Fatalf("%q", asked)
	}
	if got := w.says("ann", "/approve"); !strings.Contains(got, codes[0][1]) || !strings.Contains(got, codes[1][1]) {
		t.Errorf("without a code: %q", got)
	}
	if got := w.says("ann", "/approve "+strings.ToLower(codes[1][1])); got != `it says: mailed {"to":"eve"}` || p.times(`{"to":"bob"}`) != 0 {
		t.Errorf("%q, and bob %d times", got, p.times(`{"to":"bob"}`))
	}
	if got := w.says("ann", "/deny"); got != "it says: not done: the person said no." {
		t.Errorf("the one that is left: %q", got)
	}
}

// After ten minutes nothing is done any more; a person can ask again.
func TestApproveTooLate(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	p := &post{}
	w := office(t, db, p, "one", options{})
	w.says("ann", "mail bob")
	if _, err := db.Maintenance().ExecContext(t.Context(), "UPDATE approvals SET expires_at = expires_at - 600000000"); err != nil {
		t.Fatal(err)
	}
	if got := w.says("ann", "/approve"); !strings.HasPrefix(got, "This request expired after 10 minutes") || p.times(`{"to":"bob"}`) != 0 {
		t.Errorf("%q, mailed %d times", got, p.times(`{"to":"bob"}`))
	}
	w.says("ann", "mail bob")
	if got := w.says("ann", "/approve"); p.times(`{"to":"bob"}`) != 1 {
		t.Errorf("%q", got)
	}
}

// An administrator decides where the configuration says so, and nobody else.
func TestApproveByAdmins(t *testing.T) {
	t.Parallel()
	p := &post{}
	w := office(t, dbtest.New(t), p, "one", options{scope: inbox.ScopeThread})
	w.change(func(o *turn.Options) { o.Tools.Approve = turn.ApproveAdmins })
	if got := w.says("ann", "mail bob"); !strings.Contains(got, "An administrator") {
		t.Errorf("%q", got)
	}
	if got := w.says("ann", "/approve"); got != "You are not allowed to decide this." {
		t.Errorf("the asker: %q", got)
	}
	if got := w.says("admin", "/approve"); got != `it says: mailed {"to":"bob"}` || p.times(`{"to":"bob"}`) != 1 {
		t.Errorf("an administrator: %q", got)
	}
}

// Two yeses at once, on two replicas, for each of many questions: one counts.
func TestApproveRace(t *testing.T) {
	t.Parallel()
	const questions = 200
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		p := &post{}
		here := office(t, db, p, "here", options{scope: inbox.ScopeThread})
		office(t, db, p, "there", options{scope: inbox.ScopeThread})
		in := func(n int, thread, text string) platforms.Event {
			e := message("silent", fmt.Sprint(n, thread, text), "ann", text)
			e.ChatID, e.ReplyTo.ChatID, e.ThreadID = fmt.Sprint("room", n), fmt.Sprint("room", n), thread
			return e
		}
		var asked, yes []platforms.Event
		for n := range questions {
			asked = append(asked, in(n, "", fmt.Sprint("mail ", n)))
			yes = append(yes, in(n, "a", "/approve"), in(n, "b", "/approve"))
		}
		for _, a := range here.accept(asked...) {
			here.final(a)
		}
		replies := map[string]int{}
		for _, a := range here.accept(yes...) {
			text, _, _ := strings.Cut(here.replyTo(a), "{")
			replies[text]++
		}
		if replies["it says: mailed "] != questions || replies["This has already been allowed."] != questions {
			t.Errorf("%v", replies)
		}
		for n := range questions {
			if times := p.times(fmt.Sprintf(`{"to":"%d"}`, n)); times != 1 {
				t.Errorf("%d was mailed %d times", n, times)
			}
		}
	})
}
