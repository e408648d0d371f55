package conversation_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
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

// BenchmarkSaveMessage has savers side by side, each in a conversation of its own.
func BenchmarkSaveMessage(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		for _, savers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/savers=%d", engine, savers), func(b *testing.B) {
				m := newStore(b, dbtest.Open(b, dbtest.URL(b, engine)))
				rate := saveRate(b, m, savers, savers, b.N, m.SaveMessage)
				b.ReportMetric(rate, "saves/s")
				b.ReportMetric(1e9/rate, "ns/op") // without making the database
			})
		}
	}
}

// saver is SaveMessage, or another way to do the same.
type saver func(ctx context.Context, id int64, msg conversation.Message) (*conversation.Message, error)

// saveRate returns how many messages a second savers side by side save into so
// many conversations, n in all.
func saveRate(b *testing.B, m *conversation.PersistentConversationManager, savers, conversations, n int, save saver) float64 {
	b.Helper()
	ids := make([]int64, conversations)
	for i := range ids {
		c, err := m.GetOrCreate(b.Context(), conversation.Key{UserKey: fmt.Sprint("bench:private:", i)})
		if err != nil {
			b.Fatal(err)
		}
		ids[i] = c.ID
	}
	each := (n + savers - 1) / savers
	var wg sync.WaitGroup
	start := time.Now()
	for i := range savers {
		id := ids[i%conversations]
		wg.Go(func() {
			for range each {
				_, err := save(b.Context(), id, conversation.Message{Role: conversation.RoleUser, Content: text, Tokens: 100})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(each*savers) / time.Since(start).Seconds()
}

// oneTransactionEach is SaveMessage without shared commits.
func oneTransactionEach(m *conversation.PersistentConversationManager, db *database.DB) saver {
	return func(ctx context.Context, id int64, msg conversation.Message) (*conversation.Message, error) {
		var saved []conversation.Message
		err := db.Maintenance().RunInTx(ctx, nil, func(ctx context.Context, tx database.Tx) (err error) {
			saved, err = m.SaveTx(ctx, tx, id, msg)
			return err
		})
		if err != nil {
			return nil, err
		}
		return &saved[0], nil
	}
}

// BenchmarkSharedCommits reports, of one run on one disk, what the shared
// commits of SQLite are worth: one saver beside the bare disk, and 64 savers
// beside 64 that have a transaction for each message, in 64 conversations and
// all in one. The parts take turns, so that a disk that gets slower does so
// for all of them.
func BenchmarkSharedCommits(b *testing.B) {
	const rounds = 3
	for b.Loop() {
		db := dbtest.New(b)
		m := newStore(b, db)
		alone := oneTransactionEach(m, db)
		rates := map[string][]float64{}
		for range rounds {
			for name, rate := range map[string]float64{
				"fsyncs":        fsyncRate(b, 400),
				"1-saver":       saveRate(b, m, 1, 1, 400, m.SaveMessage),
				"64-alone":      saveRate(b, m, 64, 64, 640, alone),
				"64-shared":     saveRate(b, m, 64, 64, 4_800, m.SaveMessage),
				"64-in-1-alone": saveRate(b, m, 64, 1, 640, alone),
				"64-in-1":       saveRate(b, m, 64, 1, 4_800, m.SaveMessage),
			} {
				rates[name] = append(rates[name], rate)
			}
		}
		for name := range rates {
			b.ReportMetric(median(rates[name]), name+"/s")
		}
		b.ReportMetric(median(rates["1-saver"])/median(rates["fsyncs"]), "1-saver:fsync")
		b.ReportMetric(median(rates["64-shared"])/median(rates["64-alone"]), "64-shared:alone")
		b.ReportMetric(median(rates["64-in-1"])/median(rates["64-in-1-alone"]), "64-in-1-shared:alone")
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// fsyncRate returns how many times a second the disk takes 4 KiB and a flush.
func fsyncRate(b *testing.B, n int) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	start := time.Now()
	for range n {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
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
	for _, engine := range dbtest.Engines() {
		b.Run(string(engine)+"/messages=1000", func(b *testing.B) {
			m := newStore(b, dbtest.Open(b, dbtest.URL(b, engine)))
			c := filled(b, m, "bench:private:x", 1000)
			for b.Loop() {
				if _, err := m.Export(b.Context(), c.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStats has the original's size, and the one that ours is for.
func BenchmarkStats(b *testing.B) {
	for _, size := range []struct{ conversations, messages int }{{500, 100}, {5000, 1}} {
		b.Run(fmt.Sprintf("conversations=%d/messages=%d", size.conversations, size.messages), func(b *testing.B) {
			m := newStore(b, dbtest.New(b))
			fillMany(b, m, size.conversations, size.messages, time.Now())
			b.ResetTimer()
			for b.Loop() {
				s, err := m.Stats(b.Context())
				if err != nil || s.TotalConversations != int64(size.conversations) {
					b.Fatal(s, err)
				}
			}
		})
	}
}

// fillMany imports conversations of so many messages each.
func fillMany(b *testing.B, m *conversation.PersistentConversationManager, conversations, messages int, active time.Time) {
	b.Helper()
	const importers = 32
	var wg sync.WaitGroup
	for w := range importers {
		wg.Go(func() {
			for i := w; i < conversations; i += importers {
				a := conversation.Archive{Conversation: conversation.Conversation{UserKey: fmt.Sprint("bench:private:", i), LastActivity: active}}
				for n := range messages {
					role := []conversation.Role{conversation.RoleUser, conversation.RoleAssistant}[n%2]
					a.Messages = append(a.Messages, conversation.Message{Role: role, Content: text, Timestamp: active, Tokens: 1})
				}
				if _, err := m.Import(b.Context(), a, conversation.ImportNew); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkLength reports how much more the same costs in a conversation of
// 100,000 messages than in one of 100. The two take turns.
func BenchmarkLength(b *testing.B) {
	engines := dbtest.Engines()
	for _, engine := range engines[:large(len(engines), 1)] { // filling takes the servers longer
		b.Run(string(engine), func(b *testing.B) {
			m := newStore(b, dbtest.Open(b, dbtest.URL(b, engine)))
			short, long := filled(b, m, "bench:private:short", 100), filled(b, m, "bench:private:long", 100_000)
			load := func(id int64) error {
				_, err := m.LoadHistory(b.Context(), id, conversation.HistoryOptions{MaxTurns: 10})
				return err
			}
			save := func(id int64) error {
				_, err := m.SaveMessage(b.Context(), id, conversation.Message{Role: conversation.RoleUser, Content: text})
				return err
			}
			b.ResetTimer()
			for b.Loop() {
				for name, do := range map[string]func(int64) error{"load": load, "save": save} {
					at100, at100k := turnsTaken(b, do, short.ID, long.ID)
					b.ReportMetric(float64(at100.Microseconds()), name+"-µs-100")
					b.ReportMetric(float64(at100k)/float64(at100), name+"-ratio")
				}
			}
		})
	}
}

// turnsTaken returns the median time of do with one conversation and with the other.
func turnsTaken(b *testing.B, do func(id int64) error, one, other int64) (first, second time.Duration) {
	b.Helper()
	const rounds = 300
	took := [2][]time.Duration{}
	for range rounds {
		for i, id := range []int64{one, other} {
			start := time.Now()
			if err := do(id); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	return took[0][rounds/2], took[1][rounds/2]
}

// large asks for the sizes of the product's promise; without it the big
// benchmarks are small enough to run with all others.
func large(n, small int) int {
	if os.Getenv("PARLEY_BENCH_LARGE") != "" {
		return n
	}
	return small
}

// BenchmarkMillion has many messages in the database: history and figures of
// one conversation must not feel the others.
func BenchmarkMillion(b *testing.B) {
	conversations := large(5_000, 250)
	m := newStore(b, dbtest.New(b))
	fillMany(b, m, conversations, 200, time.Now())
	var ids []int64
	for i := range min(conversations, 1000) {
		c, err := m.GetConversationByUser(b.Context(), fmt.Sprint("bench:private:", i*(conversations/min(conversations, 1000))))
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	b.Run(fmt.Sprintf("LoadHistory/messages=%d", conversations*200), func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := m.LoadHistory(b.Context(), ids[i%len(ids)], conversation.HistoryOptions{MaxTurns: 10}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "loads/s")
	})
	b.Run(fmt.Sprintf("Stats/messages=%d", conversations*200), func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Stats(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBeside reports how long savers wait while big work goes on.
func BenchmarkBeside(b *testing.B) {
	for _, one := range []struct {
		name          string
		n             int
		prepare, work func(*testing.B, *conversation.PersistentConversationManager, int)
	}{
		{"import", large(1_000_000, 30_000), nothing, importBig},
		{"import-file", large(1_000_000, 30_000), nothing, importBigFile},
		{"cleanup", large(50_000, 2_000), oldOnes, cleanupMany},
		{"delete", large(1_000_000, 30_000), importBig, deleteBig},
	} {
		b.Run(fmt.Sprintf("%s=%d", one.name, one.n), func(b *testing.B) {
			for b.Loop() {
				m := newStore(b, dbtest.New(b))
				one.prepare(b, m, one.n)
				p50, p99, top := besideSavers(b, m, func() { one.work(b, m, one.n) })
				b.ReportMetric(float64(p50.Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(top.Microseconds())/1000, "max-ms")
			}
		})
	}
}

func nothing(*testing.B, *conversation.PersistentConversationManager, int) {}

func importBig(b *testing.B, m *conversation.PersistentConversationManager, n int) {
	b.Helper()
	filled(b, m, "bench:private:big", n)
}

// importBigFile is what conversations import and restore do.
func importBigFile(b *testing.B, m *conversation.PersistentConversationManager, n int) {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "big.json"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	_, _ = out.WriteString(`{"conversation":{"user_key":"bench:private:big"},"messages":[`)
	for i := range n {
		_, _ = fmt.Fprintf(out, `%s{"role":"user","content":%q,"timestamp":"2026-01-01T00:00:00Z","tokens":100}`, strings.Repeat(",\n", min(i, 1)), text)
	}
	_, _ = out.WriteString("]}")
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := m.ImportFrom(b.Context(), f, size, conversation.ImportNew, nil); err != nil {
		b.Fatal(err)
	}
}

func oldOnes(b *testing.B, m *conversation.PersistentConversationManager, n int) {
	b.Helper()
	fillMany(b, m, n, 4, time.Now().AddDate(0, 0, -90))
}

func cleanupMany(b *testing.B, m *conversation.PersistentConversationManager, n int) {
	b.Helper()
	if deleted, err := m.CleanupOld(b.Context(), 30); err != nil || deleted != int64(n) {
		b.Fatal(deleted, err)
	}
}

func deleteBig(b *testing.B, m *conversation.PersistentConversationManager, _ int) {
	b.Helper()
	c, err := m.GetConversationByUser(b.Context(), "bench:private:big")
	if err != nil {
		b.Fatal(err)
	}
	if err := m.Delete(b.Context(), c.ID); err != nil {
		b.Fatal(err)
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
