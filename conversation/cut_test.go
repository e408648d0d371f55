package conversation_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/cutproxy"
)

// throughProxy runs fn on each server with one store whose connections can be
// cut, and one that looks at the database itself.
func throughProxy(t *testing.T, fn func(t *testing.T, p *cutproxy.Proxy, cut, direct *conversation.PersistentConversationManager)) {
	t.Helper()
	for _, engine := range dbtest.Engines() {
		if engine == database.SQLite {
			continue // has no connection
		}
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			whole := dbtest.URL(t, engine)
			u, err := url.Parse(whole)
			if err != nil {
				t.Fatal("the test database's URL is none")
			}
			p := cutproxy.New(t, u.Host)
			direct := newStore(t, dbtest.Open(t, whole))
			u.Host = p.Addr()
			fn(t, p, newStore(t, dbtest.Open(t, u.String())), direct)
		})
	}
}

// isCommit knows a COMMIT from the words READ COMMITTED.
func isCommit(sent string) bool {
	return strings.Contains(sent, "commit") && !strings.Contains(sent, "committed")
}

// agree checks that a conversation's counters are those of its messages.
func agree(t *testing.T, m *conversation.PersistentConversationManager, id, messages int64) {
	t.Helper()
	a, err := m.Export(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tokens := int64(0)
	for i := range a.Messages {
		tokens += a.Messages[i].Tokens
	}
	used, err := m.TokensUsed(t.Context(), a.Conversation.UserKey, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(a.Messages)); n != messages || n != a.Conversation.MessageCount || tokens != a.Conversation.TotalTokens || tokens != used {
		t.Errorf("%d messages, want %d; counted %d; %d tokens, counted %d, in the ledger %d",
			n, messages, a.Conversation.MessageCount, tokens, a.Conversation.TotalTokens, used)
	}
}

// A connection is cut in the middle of a transaction: the caller gets an
// error, what was written is whole or not there, and the next call works.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	throughProxy(t, func(t *testing.T, p *cutproxy.Proxy, cut, direct *conversation.PersistentConversationManager) {
		t.Helper()
		ctx := t.Context()
		c, err := cut.GetOrCreate(ctx, conversation.Key{UserKey: "generic:private:alice"})
		if err != nil {
			t.Fatal(err)
		}
		there := int64(0)
		save := func(content string) error {
			_, err := cut.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: content, Tokens: 7})
			return err
		}
		insert := func(sent string) bool { return strings.Contains(sent, "needle") }
		for i, step := range []struct {
			at   func(sent string) bool
			when cutproxy.Moment
			kept int64
		}{
			{insert, cutproxy.BeforeServer, 0},
			{insert, cutproxy.BeforeClient, 0},
			{isCommit, cutproxy.BeforeServer, 0},
			{isCommit, cutproxy.BeforeClient, 1}, // nobody but the server knows that it is done
		} {
			p.CutAt(step.at, step.when)
			err := save("needle " + fmt.Sprint(i))
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("cut %d: error %v", i, err)
			}
			if p.Cuts() != i+1 {
				t.Errorf("%d cuts, want %d", p.Cuts(), i+1)
			}
			there += step.kept
			agree(t, direct, c.ID, there)
			if err := save("after"); err != nil {
				t.Errorf("after cut %d: %v", i, err)
			}
			there++
			agree(t, direct, c.ID, there)
		}
	})
}

// An import that is cut leaves nothing that a reader sees, and can be repeated.
func TestImportCut(t *testing.T) {
	t.Parallel()
	throughProxy(t, func(t *testing.T, p *cutproxy.Proxy, cut, direct *conversation.PersistentConversationManager) {
		t.Helper()
		key := conversation.Key{UserKey: "generic:private:alice"}
		a := conversation.Archive{Conversation: conversation.Conversation{UserKey: key.UserKey}}
		for i := range 700 {
			a.Messages = append(a.Messages, conversation.Message{
				Role: conversation.RoleUser, Content: fmt.Sprintf("message %04d", i), Tokens: 1, Timestamp: time.Now(),
			})
		}
		p.CutAt(func(sent string) bool { return strings.Contains(sent, "message 0600") }, cutproxy.BeforeClient)
		if _, err := cut.Import(t.Context(), a, conversation.ImportNew); err == nil {
			t.Error("a cut import is no error")
		}
		if s, err := direct.Stats(t.Context()); err != nil || s != (conversation.Stats{}) {
			t.Errorf("%+v, %v", s, err)
		}
		if used, err := direct.TokensUsed(t.Context(), key.UserKey, time.Time{}); err != nil || used != 0 {
			t.Errorf("%d tokens, %v", used, err)
		}
		c, err := cut.Import(t.Context(), a, conversation.ImportNew)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, direct, c.ID, 700)
	})
}

// Savers go on while their connections are cut again and again: what a caller
// was told is there, is there, and every counter is exact.
func TestSaversWhileCut(t *testing.T) {
	t.Parallel()
	const savers, each = 4, 60
	throughProxy(t, func(t *testing.T, p *cutproxy.Proxy, cut, direct *conversation.PersistentConversationManager) {
		t.Helper()
		var ids [savers]int64
		for i := range ids {
			c, err := direct.GetOrCreate(t.Context(), conversation.Key{UserKey: fmt.Sprint("generic:private:", i)})
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = c.ID
		}
		p.CutEvery(37) // in all places of a transaction in turn
		var told, failed [savers]int64
		var wg sync.WaitGroup
		for i, id := range ids {
			wg.Go(func() {
				for range each {
					_, err := cut.SaveMessage(context.WithoutCancel(t.Context()), id, conversation.Message{Role: conversation.RoleUser, Tokens: 1})
					if err == nil {
						told[i]++
					} else {
						failed[i]++
					}
				}
			})
		}
		wg.Wait()
		p.CutEvery(0)
		for i, id := range ids {
			c, err := direct.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if c.MessageCount < told[i] || c.MessageCount > told[i]+failed[i] {
				t.Errorf("%d messages, %d callers were told so, %d got an error", c.MessageCount, told[i], failed[i])
			}
			agree(t, direct, id, c.MessageCount)
		}
		if p.Cuts() < savers {
			t.Errorf("only %d cuts", p.Cuts())
		}
	})
}
