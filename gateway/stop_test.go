package gateway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// endless writes until it is stopped.
func endless(ctx context.Context, _ ai.Ask, onDelta func(string)) (string, error) {
	for {
		onDelta("more ")
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// endlessOnce writes until it is stopped, and afterwards answers.
func endlessOnce() func(context.Context, ai.Ask, func(string)) (string, error) {
	first := make(chan struct{}, 1)
	first <- struct{}{}
	return func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
		select {
		case <-first:
			return endless(ctx, ask, onDelta)
		default:
			return repeating(ctx, ask, onDelta)
		}
	}
}

// /stop passes the queue and ends the reply within a second, from any replica.
// What was shown of it is the reply.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"here", "at another replica", "by the button"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				b := &board{}
				w := boardWorld(t, db, b, &model{reply: endlessOnce()}, options{owner: "me", busy: turn.BusyQueue})
				w.start()
				a := w.accept(message("chat", "e1", "alice", "tell me"))[0]
				b.wait(t, "after edit", 1)
				waits := w.accept(message("chat", "e2", "alice", "and then"))[0]
				begun, other, event := time.Now(), w, message("chat", "e3", "alice", "/stop")
				switch where {
				case "at another replica":
					other = boardWorld(t, db, b, w.model, options{owner: "other"})
				case "by the button":
					event.Text, event.Kind, event.Press = "", platforms.KindAction, &platforms.Press{Verb: platforms.VerbStop, MessageID: "h1"}
				}
				stop := other.accept(event)[0]
				w.final(a)
				took := time.Since(begun)
				w.final(stop)
				w.final(waits)
				if took > 2*time.Second {
					t.Errorf("stopped after %v", took)
				}
				got := b.texts()
				if len(got) < 2 || !strings.HasPrefix(got[0], "more more") || strings.Contains(got[0], "growing") || !slices.Contains(got, "re and then") { //nolint:dupword // the reply says so
					t.Fatalf("shown %q", got)
				}
				if e := w.event(a); e.State != inbox.Sent {
					t.Errorf("%s: %s", e.State, e.Error)
				}
				if h := w.history(); len(h) < 4 || h[1].Content != got[0] || !h[1].Interrupted() {
					t.Errorf("stored %q", texts(h))
				}
				if said := slices.Contains(got, "Stopped."); said == (where == "by the button") {
					t.Errorf("shown %q", got)
				}
			})
		})
	}
}

// One that is stopped before the chat has seen anything of it shows nothing.
func TestStopBeforeTheFirstText(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2)
	w := process(t, dbtest.New(t), &model{reply: listening(asked)}, &chat{}, options{owner: "me", workers: 2, attempts: 1})
	w.start()
	a := w.accept(message("chat", "e1", "alice", "tell me"))[0]
	<-asked
	w.final(w.accept(message("chat", "e2", "alice", "/STOP"))[0])
	w.final(a)
	if e := w.event(a); e.State != inbox.Ignored || !strings.Contains(e.Error, "stopped") || e.Failures != 0 {
		t.Errorf("%s: %s", e.State, e.Error)
	}
	w.final(w.accept(message("chat", "e3", "alice", "/stop"))[0])
	var shown []string
	for _, s := range w.chat.all() {
		shown = append(shown, s.Text)
	}
	same(t, "shown", shown, []string{"Stopped.", "Nothing to stop."})
}

// In a room only who asked and admins may.
func TestStopOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		w := boardWorld(t, dbtest.New(t), b, &model{reply: endlessOnce()}, options{owner: "me"})
		w.start()
		a := w.accept(message("chat", "e1", "alice", "tell me"))[0]
		b.wait(t, "after edit", 1)
		refused := w.accept(message("chat", "e2", "bob", "/stop"))[0]
		time.Sleep(time.Second) // long enough for what must not happen
		if e := w.event(a); e.State != inbox.Running {
			t.Errorf("%s: %s", e.State, e.Error)
		}
		w.accept(message("chat", "e3", "admin", "/stop"))
		w.final(a)
		w.final(refused)
		if got := b.texts(); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "Only the person who asked") }) {
			t.Errorf("shown %q", got)
		}
	})
}

// One that is not begun, because its conversation or every worker is busy, is
// ended without a word; so is one that waits for its next attempt.
func TestStopOfWhatWaits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		said  []platforms.Event
		want  []inbox.State // of what was said
		shown []string
	}{
		{
			"the only one",
			[]platforms.Event{message("chat", "e1", "alice", "one"), message("chat", "s", "alice", "/stop")},
			[]inbox.State{inbox.Ignored, inbox.Sent},
			[]string{"Stopped."},
		},
		{
			"by an admin",
			[]platforms.Event{message("chat", "e1", "alice", "one"), message("chat", "s", "admin", "/stop")},
			[]inbox.State{inbox.Ignored, inbox.Sent},
			[]string{"Stopped."},
		},
		{
			"by somebody else",
			[]platforms.Event{message("chat", "e1", "alice", "one"), message("chat", "s", "bob", "/stop")},
			[]inbox.State{inbox.Sent, inbox.Sent},
			[]string{"re one", "Only the person who asked or an administrator can stop this reply."},
		},
		{
			"the oldest of two",
			[]platforms.Event{
				message("chat", "e1", "alice", "one"), message("chat", "e2", "alice", "two"), message("chat", "s", "alice", "/stop"),
			},
			[]inbox.State{inbox.Ignored, inbox.Sent, inbox.Sent},
			[]string{"re two", "Stopped."},
		},
		{
			"and no other stop",
			[]platforms.Event{message("chat", "s1", "alice", "/stop"), message("chat", "s2", "alice", "/stop")},
			[]inbox.State{inbox.Sent, inbox.Sent},
			[]string{"Nothing to stop.", "Nothing to stop."},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				w := process(t, db, &model{reply: repeating}, &chat{}, options{owner: "me", workers: 2, busy: turn.BusyQueue})
				var all []inbox.Accepted
				for _, e := range tt.said {
					all = append(all, w.accept(e)...)
				}
				w.start()
				for i, a := range all {
					w.final(a)
					if e := w.event(a); e.State != tt.want[i] {
						t.Errorf("%s is %s: %s", e.Event.ID, e.State, e.Error)
					}
				}
				var shown []string
				for _, s := range w.chat.all() {
					shown = append(shown, s.Text)
				}
				same(t, "shown", shown, tt.shown)
			})
		})
	}
}

// What waits long for its next attempt ends at once.
func TestStopOfWhatFailed(t *testing.T) {
	t.Parallel()
	m := &model{reply: answerOr(failure.New(failure.Retry, "busy", "", nil))}
	w := process(t, dbtest.New(t), m, &chat{}, options{owner: "me", workers: 2})
	w.change(func(o *turn.Options) { o.Backoff, o.MaxBackoff = time.Hour, time.Hour })
	w.start()
	a := w.accept(message("chat", "e1", "alice", "one"))[0]
	for tick := time.Tick(time.Millisecond); w.event(a).State != inbox.Failed; {
		<-tick
	}
	w.accept(message("chat", "s", "alice", "/stop"))
	w.final(a)
	if e := w.event(a); e.State != inbox.Ignored {
		t.Errorf("%s: %s", e.State, e.Error)
	}
}

// The times that a stop takes which another replica accepts. make stops has 200.
func TestStopFromAnotherReplicaIsQuick(t *testing.T) {
	t.Parallel()
	stops, most := 5, 5*time.Second // a loaded machine is slow
	if n, err := strconv.Atoi(os.Getenv("PARLEY_STOPS")); err == nil {
		stops, most = n, time.Second
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := &board{}
		w := boardWorld(t, db, b, &model{reply: endless}, options{owner: "me"})
		w.start()
		other := boardWorld(t, db, b, w.model, options{owner: "other"})
		var took []time.Duration
		for i := range stops {
			a := w.accept(message("chat", fmt.Sprint("e", i), "alice", "tell me"))[0]
			b.wait(t, "after edit", b.count("after edit")+1)
			begun := time.Now()
			other.accept(message("chat", fmt.Sprint("s", i), "alice", "/stop"))
			w.final(a)
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		p99 := took[(len(took)*99-1)/100]
		t.Logf("%d stops: p50 %v, p99 %v, most %v", stops, took[len(took)/2], p99, took[len(took)-1])
		if p99 > most {
			t.Errorf("stopped after %v", took)
		}
	})
}

// A stop that comes when the model has said all, but before that is committed, is
// too late, and says so.
func TestStopThatIsTooLate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		var w *world
		var stop inbox.Accepted
		m := &model{reply: func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
			stop = w.accept(message("chat", "s", "alice", "/stop"))[0]
			return repeating(ctx, ask, onDelta)
		}}
		w = process(t, db, m, &chat{}, options{owner: "me", workers: 2})
		w.start()
		a := w.accept(message("chat", "e1", "alice", "one"))[0]
		w.final(a)
		w.final(stop)
		var shown []string
		for _, s := range w.chat.all() {
			shown = append(shown, s.Text)
		}
		same(t, "shown", shown, []string{"re one", "Nothing to stop."})
		if e := w.event(a); e.State != inbox.Sent || e.CalledOff != "" {
			t.Errorf("%s, %q", e.State, e.CalledOff)
		}
	})
}

// However a stop meets the end of a reply, the event has one end and the chat one
// message: the whole reply, what was shown of it, or nothing. make stops has 1,000.
func TestStopRacesTheEnd(t *testing.T) {
	t.Parallel()
	races := 60
	if n, err := strconv.Atoi(os.Getenv("PARLEY_STOP_RACES")); err == nil {
		races = n
	}
	db := dbtest.New(t)
	b := &board{}
	answer := func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
		return writing("<"+ask.New[len(ask.New)-1].Content+"> ", "with ", "its ", "end.")(ctx, ask, onDelta)
	}
	w := boardWorld(t, db, b, &model{reply: answer}, options{owner: "me", scope: inbox.ScopeRoom})
	w.start()
	other := boardWorld(t, db, b, w.model, options{owner: "other"})
	ends := map[string]int{}
	for i := range races {
		name := strconv.Itoa(i)
		in := func(id, text string) platforms.Event {
			e := message("chat", id+name, "alice", text)
			e.ChatID, e.ReplyTo.ChatID = "room"+name, "room"+name
			return e
		}
		a := w.accept(in("e", name))[0]
		<-time.After(rand.N(300 * time.Millisecond))
		by := w
		if i%2 == 0 {
			by = other
		}
		stop := by.accept(in("s", "/stop"))[0]
		w.final(a)
		w.final(stop)
		end := w.endOf(t, a, b, "<"+name+"> with its end.")
		ends[end]++
		if said := w.told(t, stop); said != "Stopped." && end != "whole" || said != "Nothing to stop." && end == "whole" {
			t.Errorf("%s, and who stopped it was told %q", end, said)
		}
	}
	t.Logf("%d races: %v", races, ends)
}

// told returns what a command was answered.
func (w *world) told(t *testing.T, a inbox.Accepted) string {
	t.Helper()
	messages, _, err := w.store.Messages(t.Context(), w.event(a).ConversationID, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.Backward(messages) {
		if m.IsCommand() && m.Role == conversation.RoleAssistant {
			return m.Content
		}
	}
	return ""
}

// endOf says how an event has ended, and checks that the chat shows just that.
func (w *world) endOf(t *testing.T, a inbox.Accepted, b *board, whole string) string {
	t.Helper()
	e := w.event(a)
	shown := slices.DeleteFunc(b.texts(), func(s string) bool { return !strings.HasPrefix(s, whole[:strings.Index(whole, " ")]) })
	if e.State == inbox.Ignored && len(shown) == 0 {
		return "nothing shown"
	}
	if e.State != inbox.Sent || len(shown) != 1 || !strings.HasPrefix(whole, shown[0]) {
		t.Errorf("%s: %s, shown %q", e.Event.ID, e.State, shown)
		return "wrong"
	}
	messages, _, err := w.store.Messages(t.Context(), e.ConversationID, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(messages, func(m conversation.Message) bool { return m.Role == conversation.RoleAssistant && !m.IsCommand() })
	if i < 0 || messages[i].Content != shown[0] || shown[0] != whole && !messages[i].Interrupted() {
		t.Errorf("%s: stored %q, shown %q", e.Event.ID, texts(messages), shown)
	}
	if messages[i].Interrupted() {
		return "interrupted"
	}
	return "whole"
}
