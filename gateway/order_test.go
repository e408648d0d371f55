package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/platforms"
)

// TestOrderAndBusyPolicy lets two people write messages and commands into one
// lane under each policy, while calls and sends fail, leases are lost and
// replies are interrupted. Whatever happens: every message is stored once and
// given to the model once, in order; replies are shown once, in order; and each
// event shows the reply that covers it.
func TestOrderAndBusyPolicy(t *testing.T) {
	t.Parallel()
	for _, busy := range []turn.Busy{turn.BusyQueue, turn.BusyCoalesce, turn.BusyInterrupt} {
		t.Run(string(busy), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				l := newLane(t, rt, busy)
				defer l.close()
				for range rapid.IntRange(3, 14).Draw(rt, "steps") {
					l.step()
				}
				l.finish()
				l.check()
			})
		})
	}
}

// watcher sees every reply grow.
type watcher struct {
	text strings.Builder
	sees bool
}

func (w *watcher) Begin(context.Context) { w.text.Reset() }
func (w *watcher) Delta(text string)     { w.text.WriteString(text) }
func (w *watcher) Stop() string {
	if !w.sees {
		return ""
	}
	return w.text.String()
}

// lane is the conversation under test, and two processes that work on it.
type lane struct {
	t     *testing.T
	rt    *rapid.T
	db    *database.DB
	now   atomic.Int64 // the database's clock, in microseconds
	busy  turn.Busy
	here  *world
	other *world
	sees  *watcher

	accepted []inbox.Accepted
	commands map[string]bool
	calm     bool // nothing goes wrong any more
	depth    int  // of turns within turns
}

func newLane(t *testing.T, rt *rapid.T, busy turn.Busy) *lane {
	t.Helper()
	l := &lane{t: t, rt: rt, busy: busy, commands: map[string]bool{}, sees: &watcher{sees: rapid.Bool().Draw(rt, "streams")}}
	l.now.Store(time.Now().UnixMicro())
	clock := func() time.Time { return time.UnixMicro(l.now.Load()) }
	db, err := database.Open(t.Context(), database.Options{URL: "sqlite:///:memory:", Now: clock})
	if err != nil {
		rt.Fatal(err)
	}
	l.db = db
	if _, err := migrations.Up(t.Context(), db); err != nil {
		rt.Fatal(err)
	}
	m, c := &model{reply: l.reply}, &chat{fail: l.send}
	o := options{busy: busy, owner: "here", lease: time.Hour, attempts: 1000, audience: l.sees, now: clock}
	l.here = process(t, db, m, c, o)
	o.owner = "elsewhere"
	l.other = process(t, db, m, c, o)
	return l
}

func (l *lane) close() {
	if err := l.db.Close(); err != nil {
		l.rt.Error(err)
	}
}

// chance decides whether something goes wrong.
func (l *lane) chance(what string) bool {
	return !l.calm && rapid.IntRange(0, 5).Draw(l.rt, what) == 0
}

func (l *lane) pass(d time.Duration) { l.now.Add(d.Microseconds()) }

func (l *lane) step() {
	if rapid.Bool().Draw(l.rt, "say") {
		l.say()
		return
	}
	l.work(l.here)
}

// say has somebody write something.
func (l *lane) say() {
	n := len(l.accepted) + 1
	e := message("chat", fmt.Sprint("e", n), rapid.SampledFrom([]string{"alice", "bob"}).Draw(l.rt, "who"), fmt.Sprintf("m%d.", n))
	if rapid.IntRange(0, 4).Draw(l.rt, "command") == 0 {
		e.Text = "/stats"
		l.commands[e.ID] = true
	}
	a, err := l.here.inbox.Accept(l.t.Context(), []platforms.Event{e})
	if err != nil {
		l.rt.Fatal(err)
	}
	l.here.Arrived([]platforms.Event{e})
	l.accepted = append(l.accepted, a[0])
}

// work has a process do what can be done now.
func (l *lane) work(w *world) (did bool) {
	l.pass(time.Second) // waits for a next attempt are over
	works, err := w.inbox.Claim(l.t.Context(), 5)
	if err != nil {
		l.rt.Fatal(err)
	}
	for _, as := range []inbox.Isolation{inbox.Quarantine, inbox.Alone} {
		apart, err := w.inbox.ClaimAs(l.t.Context(), as, 1)
		if err != nil {
			l.rt.Fatal(err)
		}
		works = append(works, apart...)
	}
	for i := range works {
		w.Run(l.t.Context(), &works[i])
	}
	return len(works) > 0
}

// reply is the model.
func (l *lane) reply(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
	l.given(ask)
	onDelta("as far as ")
	onDelta("I know ") // a word that may be part of a link is shown once it has ended
	if l.chance("fault") {
		return "", failure.New(failure.Retry, "down", "", nil)
	}
	if l.chance("panic") {
		panic("the code is wrong")
	}
	if l.depth == 0 && l.chance("lease lost") {
		l.loseLease()
	}
	if l.chance("arrivals") || l.chance("more arrivals") {
		for range rapid.IntRange(1, 3).Draw(l.rt, "how many") {
			l.say()
		}
	}
	if l.interrupts(ask) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return repeating(ctx, ask, onDelta)
}

// interrupts reports whether the reply must be stopped: right behind what it
// answers waits something that coalesce would have taken along.
func (l *lane) interrupts(ask ai.Ask) bool {
	if l.busy != turn.BusyInterrupt || l.depth > 0 {
		return false
	}
	last := ask.New[len(ask.New)-1].Metadata["event_id"]
	i := slices.IndexFunc(l.accepted, func(a inbox.Accepted) bool { return a.EventID == last })
	if i+1 == len(l.accepted) || l.commands[l.accepted[i+1].EventID] || l.accepted[i].UserKey != l.accepted[i+1].UserKey {
		return false
	}
	lead, err := l.here.inbox.Get(l.t.Context(), l.accepted[i].ID)
	if err != nil {
		l.rt.Fatal(err)
	}
	// In quarantine each is answered alone; so does a full batch.
	alone := len(lead.Steps) > 0 && strings.Contains(lead.Steps[len(lead.Steps)-1].Detail, "process died")
	users := 0
	for _, m := range ask.New {
		if m.Role == conversation.RoleUser {
			users++
		}
	}
	return lead.State == inbox.Running && !alone && users < inbox.MaxBatch
}

// loseLease has the other process take the lane over and answer what is there.
func (l *lane) loseLease() {
	l.pass(2 * time.Hour)
	l.depth++
	defer func() { l.depth-- }()
	for range 3 {
		l.work(l.other)
	}
}

// send decides what becomes of a send.
func (l *lane) send() error {
	if l.chance("send fails") {
		return failure.New(failure.Retry, "busy", "", nil)
	}
	return nil
}

// given checks a prompt: in order, each message once.
func (l *lane) given(ask ai.Ask) {
	var ids []string
	all := append(slices.Clone(ask.History), ask.New...)
	for i, m := range all {
		if m.Role == conversation.RoleUser {
			ids = append(ids, fmt.Sprint(m.Metadata["event_id"]))
		}
		if m.Metadata["interrupted"] == true && (i == 0 || all[i-1].Role != conversation.RoleUser) {
			l.rt.Errorf("a stopped reply stands apart from what it answered: %v", texts(all))
		}
	}
	order := l.order(ids)
	if !slices.IsSorted(order) || len(slices.Compact(slices.Clone(order))) != len(order) {
		l.rt.Errorf("the model was given %v", ids)
	}
	if ask.New[len(ask.New)-1].Role != conversation.RoleUser {
		l.rt.Errorf("there is nothing to answer at the end of %v", texts(ask.New))
	}
}

// order returns the places of events in the order of their arrival.
func (l *lane) order(ids []string) []int {
	places := make([]int, len(ids))
	for i, id := range ids {
		places[i] = slices.IndexFunc(l.accepted, func(a inbox.Accepted) bool { return a.EventID == id })
	}
	return places
}

// finish lets everything come to its end.
func (l *lane) finish() {
	l.calm = true
	l.pass(2 * time.Hour)
	for range 100 {
		if c, err := l.here.inbox.Count(l.t.Context()); err != nil || c.Waiting == 0 {
			return
		}
		l.pass(2 * time.Minute) // circuits close
		l.work(l.here)
	}
	l.rt.Fatal("no end")
}

func (l *lane) check() {
	l.checkStored()
	var covered []string
	replies := map[string]string{}
	for _, s := range l.here.chat.all() {
		covered = append(covered, s.Events...)
		for _, id := range s.Events {
			replies[id] = s.Text
		}
	}
	order := l.order(covered)
	if len(order) != len(l.accepted) || !slices.IsSorted(order) || len(slices.Compact(order)) != len(l.accepted) {
		l.rt.Errorf("%d events, replies cover %v", len(l.accepted), covered)
	}
	for i, a := range l.accepted {
		e, err := l.here.inbox.Get(l.t.Context(), a.ID)
		if err != nil || e.State != inbox.Sent {
			l.rt.Errorf("%s is %s: %s (%v)", a.EventID, e.State, e.Error, err)
			continue
		}
		s, err := l.here.gateway.Status(l.t.Context(), "chat", a.EventID)
		if err != nil || s.Reply == nil || s.Reply.Text != replies[a.EventID] {
			l.rt.Errorf("%s: status %+v, shown %q (%v)", a.EventID, s, replies[a.EventID], err)
		}
		text := fmt.Sprintf("m%d.", i+1)
		if !l.commands[a.EventID] && strings.Count(replies[a.EventID], text) != 1 {
			l.rt.Errorf("%s was answered with %q", text, replies[a.EventID])
		}
	}
	if l.busy == turn.BusyQueue && len(l.here.chat.all()) != len(l.accepted) {
		l.rt.Errorf("queue: %d replies to %d messages", len(l.here.chat.all()), len(l.accepted))
	}
}

// checkStored checks the history: each message once, in order, and what was
// shown of a stopped reply right behind a message.
func (l *lane) checkStored() {
	var ids []string
	messages := l.here.history()
	for i, m := range messages {
		if m.Role == conversation.RoleUser {
			ids = append(ids, fmt.Sprint(m.Metadata["event_id"]))
		}
		if m.Metadata["interrupted"] != true {
			continue
		}
		if !l.sees.sees || l.busy != turn.BusyInterrupt || messages[i-1].Role != conversation.RoleUser || strings.TrimSpace(m.Content) != "as far as I know" {
			l.rt.Errorf("stopped reply %q behind %+v", m.Content, messages[i-1])
		}
	}
	order := l.order(ids)
	if len(order) != len(l.accepted) || !slices.IsSorted(order) || len(slices.Compact(order)) != len(l.accepted) {
		l.rt.Errorf("%d events, stored %v", len(l.accepted), ids)
	}
}
