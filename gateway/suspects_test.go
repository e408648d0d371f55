package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
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
	for {
		n, err := w.inbox.Depth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			for _, s := range w.chat.all() {
				say("shown", s.Text)
			}
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			return
		}
	}
}

// A message that kills its process is found: the processes that follow answer
// everything else, run it with nothing beside it, and give up on it after it
// has killed three of them like that.
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
		if err != nil || e.State != want || e.Attempts != 0 {
			t.Errorf("%s is %s: %q after %d attempts, %v", a.EventID, e.State, e.Error, e.Attempts, err)
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

// After a death what was running then is answered one at a time, and fresh
// messages beside it.
func TestAFewSuspectsRunBesideFreshWork(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		var mu sync.Mutex
		running, most := 0, 0
		fresh := make(chan struct{})
		m := &model{reply: func(ctx context.Context, ask ai.Ask, _ func(string)) (string, error) {
			text := ask.New[len(ask.New)-1].Content
			if text == "fresh" {
				close(fresh)
				return "re fresh", nil
			}
			mu.Lock()
			running++
			most = max(most, running)
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
		dead := process(t, db, m, &chat{}, options{busy: turn.BusyCoalesce, owner: "dead"})
		var accepted []inbox.Accepted
		for i := range 9 {
			accepted = append(accepted, dead.accept(said(fmt.Sprint("e", i), fmt.Sprint("suspect ", i)))...)
		}
		if works, err := dead.inbox.Claim(t.Context(), 10); err != nil || len(works) != 9 {
			t.Fatal(len(works), err)
		}
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
		if most < 2 || most > 4 { // half of the workers
			t.Errorf("%d suspects at once", most)
		}
		if n := len(w.chat.all()); n != 10 {
			t.Errorf("%d replies", n)
		}
	})
}

// A suspect whose process died again waits until nothing else runs, and holds
// fresh work back until it has ended.
func TestSuspectAlone(t *testing.T) {
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
		case "suspect":
			beside.Add(running.Load() - 1)
			close(alone)
			<-release
			beside.Add(running.Load() - 1)
		}
		return "re " + text, nil
	}}
	first := process(t, db, m, &chat{}, options{owner: "first"})
	suspect := first.accept(said("e1", "suspect"))[0]
	if works, err := first.inbox.Claim(t.Context(), 1); err != nil || len(works) != 1 {
		t.Fatal(works, err)
	}
	second := process(t, db, m, &chat{}, options{owner: "second"})
	if err := second.inbox.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := second.inbox.ClaimSuspect(t.Context(), true); s == nil || err != nil {
		t.Fatal(s, err)
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
	for _, a := range []inbox.Accepted{suspect, busy, fresh} {
		third.final(a)
	}
	if n := beside.Load(); n != 0 {
		t.Errorf("%d other replies were made beside it", n)
	}
}
