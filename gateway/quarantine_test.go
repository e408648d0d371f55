package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// childDatabase names the database on which this test binary is to be a
// gateway that some message kills.
const childDatabase = "PARLEY_GATEWAY_CHILD"

// said is a message in a room of its own.
func said(id, text string) platforms.Event {
	e := message("chat", id, "alice", text)
	e.ChatID, e.ReplyTo.ChatID = "room of "+id, "room of "+id
	return e
}

// TestChild is not a test of its own but the process that the next one starts:
// it dies of the message "poison", says on stdout what it begins and ends, and
// ends well once nothing is left to do.
func TestChild(t *testing.T) {
	url := os.Getenv(childDatabase)
	if url == "" {
		return
	}
	var mu sync.Mutex
	say := func(what, text string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what + " " + text)
	}
	m := &model{reply: func(_ context.Context, ask ai.Ask, _ func(string)) (string, error) {
		text := ask.New[len(ask.New)-1].Content
		say("begin", text)
		if text == "poison" {
			os.Exit(137)
		}
		defer say("end", text)
		return "re " + text, nil
	}}
	db := dbtest.Open(t, url)
	w := process(t, db, m, &chat{}, options{busy: turn.BusyCoalesce, owner: fmt.Sprint("process ", os.Getpid()), workers: 4})
	if err := w.inbox.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.drained()
	for _, s := range w.chat.all() {
		say("shown", s.Text)
	}
}

// A poison message is found: the processes that follow answer everything else,
// run it with nothing beside it, and give up on it after it has killed three of
// them like that.
func TestPoisonIsFoundByProcesses(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, database.SQLite)
	db := dbtest.Open(t, url)
	w := process(t, db, &model{}, &chat{}, options{busy: turn.BusyCoalesce, owner: "parent"})
	accepted := w.accept(said("e0", "poison"))
	for i := 1; i <= 6; i++ {
		accepted = append(accepted, w.accept(said(fmt.Sprint("e", i), fmt.Sprint("fine ", i)))...)
	}
	deaths, alone := 0, 0
	var last []string
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.timeout=30s")
		cmd.Env = append(os.Environ(), childDatabase+"="+url)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last = nil
		for lines := bufio.NewScanner(out); lines.Scan(); {
			last = append(last, lines.Text())
		}
		err = cmd.Wait()
		if err == nil {
			break
		}
		if code := cmd.ProcessState.ExitCode(); code != 137 {
			t.Fatalf("exit %d: %q", code, last)
		}
		deaths++
		if deaths > 10 {
			t.Fatal("it goes on for ever")
		}
		if unfinished(last) == 1 {
			alone++
		}
	}
	if deaths != 5 || alone < inbox.MaxCrashes {
		t.Errorf("%d deaths, %d alone", deaths, alone)
	}
	if !slices.ContainsFunc(last, func(s string) bool { return strings.HasPrefix(s, "shown Sorry") }) {
		t.Errorf("the chat was told nothing: %q", last)
	}
	for i, a := range accepted {
		e, err := w.inbox.Get(t.Context(), a.ID)
		want := inbox.Sent
		if i == 0 {
			want = inbox.Dead
		}
		if err != nil || e.State != want || e.Failures != 0 {
			t.Errorf("%s is %s: %q after %d failures, %v", a.EventID, e.State, e.Error, e.Failures, err)
		}
		if i == 0 && !strings.HasPrefix(e.Error, "crashed: the process died 3 times") {
			t.Errorf("reason %q", e.Error)
		}
	}
}

// unfinished counts what was begun and not ended.
func unfinished(lines []string) int {
	n := 0
	for _, line := range lines {
		switch what, _, _ := strings.Cut(line, " "); what {
		case "begin":
			n++
		case "end":
			n--
		}
	}
	return n
}

// After a death what was being answered then is quarantined: some of it runs
// at a time, with fresh messages beside it.
func TestQuarantineBesideFreshWork(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		var mu sync.Mutex
		running, most := 0, 0
		two, fresh := make(chan struct{}), make(chan struct{})
		bothRun := sync.OnceFunc(func() { close(two) })
		m := &model{reply: func(ctx context.Context, ask ai.Ask, _ func(string)) (string, error) {
			text := ask.New[len(ask.New)-1].Content
			if text == "fresh" {
				<-two
				close(fresh)
				return "re fresh", nil
			}
			mu.Lock()
			running++
			most = max(most, running)
			if running == 2 {
				bothRun()
			}
			mu.Unlock()
			select { // ends only once something fresh was answered beside it
			case <-fresh:
			case <-ctx.Done():
			}
			mu.Lock()
			running--
			mu.Unlock()
			return "re " + text, nil
		}}
		accepted := orphans(t, db, 9)
		w := process(t, db, m, &chat{}, options{busy: turn.BusyCoalesce, owner: "alive", workers: 8})
		if err := w.inbox.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.start()
		accepted = append(accepted, w.accept(said("fresh", "fresh"))...)
		for _, a := range accepted {
			if s := w.final(a); s.Reply == nil {
				t.Errorf("%s: %+v", a.EventID, s)
			}
		}
		if most > 4 { // half of the workers
			t.Errorf("%d in quarantine at once", most)
		}
		if n := len(w.chat.all()); n != 10 {
			t.Errorf("%d replies", n)
		}
	})
}

// orphans accepts n messages, each in a room of its own, and leaves them as a
// process does that dies while it answers them.
func orphans(t *testing.T, db *database.DB, n int) (accepted []inbox.Accepted) {
	t.Helper()
	dead := process(t, db, &model{}, &chat{}, options{busy: turn.BusyCoalesce, owner: "dead"})
	for i := range n {
		accepted = append(accepted, dead.accept(said(fmt.Sprint("old", i), fmt.Sprint("old ", i)))...)
	}
	if works, err := dead.inbox.Claim(t.Context(), n); err != nil || len(works) != n {
		t.Fatal(len(works), err)
	}
	return accepted
}

// think is how long the model of the next tests takes.
const think = 5 * time.Second

// slow answers in its time, and keeps when it was asked for what. It finds fault
// with what runs beside one of the texts that must run alone.
type slow struct {
	t     *testing.T
	alone func(text string) bool

	mu      sync.Mutex
	running map[string]bool
	asked   map[string]time.Time
}

func (s *slow) reply(ctx context.Context, ask ai.Ask, _ func(string)) (string, error) {
	text := ask.New[len(ask.New)-1].Content
	s.mu.Lock()
	s.asked[text], s.running[text] = time.Now(), true
	for other := range s.running {
		if len(s.running) > 1 && s.alone(other) {
			s.t.Errorf("%q ran while %v did", other, slices.Collect(maps.Keys(s.running)))
		}
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, text)
	}()
	select {
	case <-time.After(think):
	case <-ctx.Done():
	}
	return "re " + text, ctx.Err()
}

func (s *slow) at(text string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[text]
}

// Thirty messages were being answered when the process died, and eight of them
// when it died again: those must run alone. However fresh messages come in,
// each waits for one of them at most, and all are answered.
func TestFreshWorkWaitsForOneLoneRun(t *testing.T) {
	t.Parallel()
	const old = 30
	for name, c := range map[string]struct {
		workers int
		every   time.Duration // between fresh messages
		waits   time.Duration // how long one may wait
		within  time.Duration // how long all may take
	}{
		"without a pause": {64, think, think, 12 * time.Minute},
		"now and then":    {64, 13 * time.Second, think, 3 * time.Minute},
		// The process is never idle; now and then it lets what runs end first.
		"in a stream":   {64, time.Second, 2 * think, 12 * time.Minute},
		"to one worker": {1, 13 * time.Second, think, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := dbtest.New(t)
				waiting := orphans(t, db, old)
				again := process(t, db, &model{}, &chat{}, options{busy: turn.BusyCoalesce, owner: "dead too"})
				lone := map[string]bool{}
				if err := again.inbox.TakeOver(t.Context()); err != nil {
					t.Fatal(err)
				}
				works, err := again.inbox.ClaimAs(t.Context(), inbox.Quarantine, 8)
				if err != nil || len(works) != 8 {
					t.Fatal(len(works), err)
				}
				for _, w := range works {
					lone[w.Events[0].Event.Text] = true
				}
				s := &slow{t: t, alone: func(text string) bool { return lone[text] }, running: map[string]bool{}, asked: map[string]time.Time{}}
				w := process(t, db, &model{reply: s.reply}, &chat{}, options{busy: turn.BusyCoalesce, owner: "alive", workers: c.workers})
				if err := w.inbox.TakeOver(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.start()
				begin := time.Now()
				sent := map[string]time.Time{}
				for n := 0; len(waiting) > 0 && time.Since(begin) < c.within; n++ {
					text := fmt.Sprint("fresh ", n)
					sent[text] = time.Now()
					w.accept(said(text, text))
					time.Sleep(c.every)
					waiting = slices.DeleteFunc(waiting, func(a inbox.Accepted) bool {
						e, err := w.inbox.Get(t.Context(), a.ID)
						return err == nil && e.State == inbox.Sent
					})
				}
				if len(waiting) > 0 {
					t.Errorf("%d are not answered after %s", len(waiting), time.Since(begin))
				}
				time.Sleep(3 * think)
				var longest time.Duration
				for text, at := range sent {
					longest = max(longest, s.at(text).Sub(at))
				}
				t.Logf("all answered after %s; a fresh message waited %s at most", time.Since(begin)-3*think, longest)
				if longest < 0 || longest > c.waits+pollLimit {
					t.Errorf("a fresh message waited %s, want %s", longest, c.waits)
				}
			})
		})
	}
}

// pollLimit is more than it takes to find out that there is work.
const pollLimit = time.Second

// What must run alone waits until nothing else runs, and holds fresh work back
// until it has ended.
func TestAlone(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	long, finish, alone, release := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	var running, beside atomic.Int64
	m := &model{reply: func(_ context.Context, ask ai.Ask, _ func(string)) (string, error) {
		running.Add(1)
		defer running.Add(-1)
		text := ask.New[len(ask.New)-1].Content
		switch text {
		case "long":
			close(long)
			<-finish
		case "old 0":
			beside.Add(running.Load() - 1)
			close(alone)
			<-release
			beside.Add(running.Load() - 1)
		}
		return "re " + text, nil
	}}
	old := orphans(t, db, 1)[0]
	second := process(t, db, m, &chat{}, options{owner: "second"})
	if err := second.inbox.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	if works, err := second.inbox.ClaimAs(t.Context(), inbox.Quarantine, 1); len(works) != 1 || err != nil {
		t.Fatal(works, err)
	}
	// Another replica is busy when the second one is found dead.
	third := process(t, db, m, &chat{}, options{owner: "third", workers: 4})
	third.start()
	busy := third.accept(said("e2", "long"))[0]
	<-long
	if _, err := db.Maintenance().ExecContext(t.Context(), "UPDATE lanes SET ready_at = 1 WHERE lease_owner = 'second'"); err != nil {
		t.Fatal(err)
	}
	third.accept(said("e3", "meanwhile"))
	select {
	case <-alone:
		t.Error("it did not wait for what was running")
	case <-time.After(600 * time.Millisecond): // more than two polls
	}
	close(finish)
	<-alone
	fresh := third.accept(said("e4", "fresh"))[0]
	<-time.After(600 * time.Millisecond)
	close(release)
	for _, a := range []inbox.Accepted{old, busy, fresh} {
		third.final(a)
	}
	if n := beside.Load(); n != 0 {
		t.Errorf("%d other replies were made beside it", n)
	}
}
