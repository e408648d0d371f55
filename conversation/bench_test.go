package conversation_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// text is about what a chat message is long.
var text = strings.Repeat("0123456789 ", 50)

func filled(tb testing.TB, m *conversation.PersistentConversationManager, user string, n int) *conversation.Conversation {
	tb.Helper()
	a := conversation.Archive{Conversation: conversation.Conversation{UserKey: user}}
	start := time.Now().Add(-time.Duration(n) * time.Second)
	for i := range n {
		role := conversation.RoleUser
		if i%2 == 1 {
			role = conversation.RoleAssistant
		}
		a.Messages = append(a.Messages, conversation.Message{
			Role: role, Content: text, Tokens: 100, Timestamp: start.Add(time.Duration(i) * time.Second),
		})
	}
	c, err := m.Import(tb.Context(), a, conversation.ImportNew)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// The disk's own limit: 4 KiB and a flush.
func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSaveMessage(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		for _, savers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/savers=%d", engine, savers), func(b *testing.B) {
				m := newStore(b, dbtest.Open(b, dbtest.URL(b, engine)))
				benchSavers(b, m, savers)
			})
		}
	}
}

func benchSavers(b *testing.B, m *conversation.PersistentConversationManager, savers int) {
	b.Helper()
	ids := make([]int64, savers)
	for i := range ids {
		c, err := m.GetOrCreate(b.Context(), conversation.Key{UserKey: fmt.Sprint("bench:private:", i)})
		if err != nil {
			b.Fatal(err)
		}
		ids[i] = c.ID
	}
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range savers {
		wg.Go(func() {
			for range (b.N + savers - 1) / savers {
				_, err := m.SaveMessage(b.Context(), ids[i], conversation.Message{Role: conversation.RoleUser, Content: text, Tokens: 100})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "saves/s")
}

func BenchmarkLoadHistory(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(string(engine)+"/10of200", func(b *testing.B) {
			m := newStore(b, dbtest.Open(b, dbtest.URL(b, engine)))
			for i := range 50 {
				filled(b, m, fmt.Sprint("bench:private:", i), 200)
			}
			c, err := m.GetConversationByUser(b.Context(), "bench:private:7")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				got, err := m.LoadHistory(b.Context(), c.ID, conversation.HistoryOptions{MaxTurns: 10})
				if err != nil || len(got) != 20 {
					b.Fatal(len(got), err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "loads/s")
		})
	}
}

func BenchmarkExport(b *testing.B) {
	m := newStore(b, dbtest.New(b))
	c := filled(b, m, "bench:private:x", 1000)
	for b.Loop() {
		if _, err := m.Export(b.Context(), c.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStats(b *testing.B) {
	db := dbtest.New(b)
	m := newStore(b, db)
	for chunk := range 50 {
		err := db.Write(b.Context(), func(ctx context.Context, tx database.Tx) error {
			for i := range 100 {
				key := conversation.Key{UserKey: fmt.Sprint("bench:private:", chunk*100+i)}
				c, err := m.GetOrCreateTx(ctx, tx, key, time.Now())
				if err != nil {
					return err
				}
				if _, err := m.SaveTx(ctx, tx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: text}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s, err := m.Stats(b.Context())
		if err != nil || s.TotalConversations != 5000 {
			b.Fatal(s, err)
		}
	}
}

// Cost must not grow with the length of a conversation.
func BenchmarkLength(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		m := newStore(b, dbtest.New(b))
		c := filled(b, m, "bench:private:x", n)
		b.Run(fmt.Sprintf("LoadHistory/messages=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := m.LoadHistory(b.Context(), c.ID, conversation.HistoryOptions{MaxTurns: 10}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("SaveMessage/messages=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := m.SaveMessage(b.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Content: text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBeside reports what savers wait at most while big work goes on.
func BenchmarkBeside(b *testing.B) {
	for name, work := range map[string]func(testing.TB, *conversation.PersistentConversationManager){
		"import=200000": importBig, "cleanup=20000": cleanupMany, "delete=200000": deleteBig,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m := newStore(b, dbtest.New(b))
				prepareBeside(b, m, name)
				p50, p99, top := besideSavers(b, m, func() { work(b, m) })
				b.ReportMetric(float64(p50.Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(top.Microseconds())/1000, "max-ms")
			}
		})
	}
}

func prepareBeside(b *testing.B, m *conversation.PersistentConversationManager, name string) {
	b.Helper()
	if strings.HasPrefix(name, "delete") {
		filled(b, m, "bench:private:big", 200_000)
	}
	if !strings.HasPrefix(name, "cleanup") {
		return
	}
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := range 20_000 / 32 {
				a := conversation.Archive{Conversation: conversation.Conversation{
					UserKey: fmt.Sprintf("bench:private:%d.%d", w, i), LastActivity: time.Now().AddDate(0, 0, -90),
				}}
				for range 4 {
					a.Messages = append(a.Messages, conversation.Message{Role: conversation.RoleUser, Content: text})
				}
				if _, err := m.Import(b.Context(), a, conversation.ImportNew); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func importBig(tb testing.TB, m *conversation.PersistentConversationManager) {
	tb.Helper()
	filled(tb, m, "bench:private:big", 200_000)
}

func cleanupMany(tb testing.TB, m *conversation.PersistentConversationManager) {
	tb.Helper()
	if n, err := m.CleanupOld(tb.Context(), 30); err != nil || n != 20_000 {
		tb.Fatal(n, err)
	}
}

func deleteBig(tb testing.TB, m *conversation.PersistentConversationManager) {
	tb.Helper()
	c, err := m.GetConversationByUser(tb.Context(), "bench:private:big")
	if err != nil {
		tb.Fatal(err)
	}
	if err := m.Delete(tb.Context(), c.ID); err != nil {
		tb.Fatal(err)
	}
}

// besideSavers runs work while four savers save, and returns how long a save took.
func besideSavers(b *testing.B, m *conversation.PersistentConversationManager, work func()) (p50, p99, top time.Duration) {
	b.Helper()
	done := make(chan struct{})
	took := make([][]time.Duration, 4)
	var wg sync.WaitGroup
	for i := range took {
		c, err := m.GetOrCreate(b.Context(), conversation.Key{UserKey: fmt.Sprint("saver:private:", i)})
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				start := time.Now()
				_, err := m.SaveMessage(b.Context(), c.ID, conversation.Message{Role: conversation.RoleUser, Content: text})
				if err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	work()
	close(done)
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
}
