package conversation_test

import (
	"path/filepath"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/conversationtest"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// newStore returns a manager on a database of its own.
func newStore(tb testing.TB, db *database.DB) *conversation.PersistentConversationManager {
	tb.Helper()
	m, err := conversation.New(tb.Context(), db)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	return m
}

func TestSuite(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			conversationtest.Test(t, func(t *testing.T) conversationtest.Store {
				t.Helper()
				return newStore(t, dbtest.Open(t, dbtest.URL(t, engine)))
			})
		})
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		conversationtest.Test(t, func(t *testing.T) conversationtest.Store {
			t.Helper()
			return newStore(t, dbtest.Open(t, ":memory:"))
		})
	})
}

func TestMemorySession(t *testing.T) {
	t.Parallel()
	conversationtest.TestSession(t, func(*testing.T) conversation.Session { return conversation.NewMemorySession("x") })
}

func TestSQLiteSession(t *testing.T) {
	t.Parallel()
	for _, name := range []string{":memory:", "in a dir #1/100% ?.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conversationtest.TestSession(t, func(t *testing.T) conversation.Session {
				t.Helper()
				path := name
				if path != ":memory:" {
					path = filepath.Join(t.TempDir(), name)
				}
				s, err := conversation.OpenSession(t.Context(), "user_123", path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			})
		})
	}
}
