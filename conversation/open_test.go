package conversation_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/conversation"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "dir")
	m, err := conversation.Open(t.Context(), conversation.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.GetOrCreate(t.Context(), conversation.Key{UserKey: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.GetOrCreate(t.Context(), conversation.Key{UserKey: "b"}); err == nil {
		t.Error("a closed store still works")
	}
	m, err = conversation.Open(t.Context(), conversation.Options{DBURL: "sqlite:///" + filepath.Join(dir, "conversations.db"), Echo: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Get(t.Context(), c.ID); err != nil {
		t.Error("a conversation did not survive:", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []conversation.Options{
		{DBURL: "oracle://u:secret@h/db"},
		{DBURL: "sqlite:///" + file},
		{DataDir: file},
		{DBURL: "postgresql://u:secret@127.0.0.1:1/db"},
		{DBURL: "mysql://u:secret@127.0.0.1:1/db"},
	} {
		m, err := conversation.Open(t.Context(), o)
		if err == nil {
			_ = m.Close()
			t.Errorf("%+v was opened", o)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("error %q", err)
		}
	}
}

// Two processes on one file, as the command line beside a server.
func TestTwoManagersOnOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 2 {
		m, err := conversation.Open(t.Context(), conversation.Options{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for range 4 {
			wg.Go(func() {
				for range 25 {
					c, err := m.GetOrCreate(t.Context(), conversation.Key{UserKey: "a"})
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := m.SaveMessage(t.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Tokens: 1}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		defer func() {
			s, err := m.Stats(context.WithoutCancel(t.Context()))
			if err != nil || s.TotalConversations != 1 || s.TotalMessages != 200 || s.TotalTokens != 200 {
				t.Errorf("%+v, %v", s, err)
			}
		}()
	}
	wg.Wait()
}

// One caller's deadline is nobody else's: its neighbours in the same commit succeed.
func TestCancelledBesideOthers(t *testing.T) {
	t.Parallel()
	m, err := conversation.Open(t.Context(), conversation.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c, err := m.GetOrCreate(t.Context(), conversation.Key{UserKey: "a"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	told := 0
	for i := range 60 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%2 == 0 {
				go cancel() // at any moment
			}
			_, err := m.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser})
			if err != nil && (i%2 == 1 || !errors.Is(err, context.Canceled)) {
				t.Error(i, err)
			}
			if err == nil {
				mu.Lock()
				told++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got, err := m.Get(t.Context(), c.ID)
	if err != nil || got.MessageCount != int64(told) {
		t.Errorf("%d messages, %d callers were told so; %v", got.MessageCount, told, err)
	}
}
