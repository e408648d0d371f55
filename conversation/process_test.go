package conversation_test

import (
	"bufio"
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// What a process of its own does, and the line by which it says that it is at it.
const (
	saveSome    = "save some"
	saveForever = "save for ever"
	holdLock    = "hold the lock of migrations"
	atIt        = "at it"
	childSaves  = 100
)

// TestInChild is what child starts. Alone it does nothing.
func TestInChild(t *testing.T) { //nolint:paralleltest // it is the only one in its process
	if flag.NArg() != 2 {
		return
	}
	work, url := flag.Arg(0), flag.Arg(1)
	db, err := database.Open(t.Context(), database.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	switch work {
	case saveSome:
		saveIn(t, db, childSaves)
	case saveForever:
		saveIn(t, db, 1<<30)
	case holdLock:
		err := db.Exclusive(t.Context(), func(context.Context) error {
			_, _ = io.WriteString(os.Stderr, atIt+"\n")
			select {} // until it is killed
		})
		t.Fatal(err)
	}
}

func saveIn(t *testing.T, db *database.DB, n int) {
	t.Helper()
	m := newStore(t, db)
	for i := range n {
		c, err := m.GetOrCreate(t.Context(), conversation.Key{UserKey: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.SaveMessage(t.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Tokens: 1}); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			_, _ = io.WriteString(os.Stderr, atIt+"\n")
		}
	}
}

// child starts this test's program as a process of its own and returns when it is at its work.
func child(t *testing.T, work, url string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, "-test.run=^TestInChild$", "--", work, url)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stderr).ReadString('\n'); strings.TrimSpace(line) != atIt {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return c
}

// Two processes and this one save on one SQLite file, as the command line does beside a server.
func TestTwoProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, database.SQLite)
	db := dbtest.Open(t, url)
	var others [2]*exec.Cmd
	for i := range others {
		others[i] = child(t, saveSome, url)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { saveIn(t, db, childSaves/4) })
	}
	wg.Wait()
	for _, c := range others {
		if err := c.Wait(); err != nil {
			t.Error("the other process:", err)
		}
	}
	m := newStore(t, db)
	c, err := m.GetConversationByUser(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	agree(t, m, c.ID, 3*childSaves)
	if s, err := m.Stats(t.Context()); err != nil || s.TotalConversations != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// A process is killed while it saves: nothing is half-written, and nobody is kept from going on.
func TestKilledWhileSaving(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, engine)
			m := newStore(t, dbtest.Open(t, url))
			kill(t, child(t, saveForever, url))
			c, err := m.GetConversationByUser(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.SaveMessage(t.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Tokens: 1}); err != nil {
				t.Error(err)
			}
			if c, err = m.Get(t.Context(), c.ID); err != nil || c.MessageCount < 11 {
				t.Fatalf("%+v, %v", c, err)
			}
			agree(t, m, c.ID, c.MessageCount)
		})
	}
}

// A process is killed in the middle of a migration: the lock dies with it.
func TestKilledWhileMigrating(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, engine)
			kill(t, child(t, holdLock, url))
			m, err := conversation.Open(t.Context(), conversation.Options{DBURL: url}) // migrates
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func kill(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("the other process ended by itself")
	}
}
