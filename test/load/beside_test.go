package load_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/internal/config"
)

// BenchmarkWaiting measures what 100,000 waiting events cost in memory, the
// load generator's own included.
func BenchmarkWaiting(b *testing.B) {
	for b.Loop() {
		addr := startApp(b, true, "")
		hammerGeneric(b, addr, 64, 100_000)
		b.ReportMetric(residentMB(b, "self"), "MB")
	}
	b.ReportMetric(0, "ns/op")
}

// residentMB reads how much memory a process has.
func residentMB(b *testing.B, pid string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		b.Skip("no /proc here")
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	kb, err := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

// BenchmarkAcksBesideMaintenance compares how long webhooks wait for their
// answer, 400 of them a second, on a quiet server with how long they do while
// cleanup, vacuum, backup and exports run. PARLEY_LOAD_MESSAGES is how many
// messages the database holds; 100,000 unless told.
func BenchmarkAcksBesideMaintenance(b *testing.B) {
	messages, _ := strconv.Atoi(os.Getenv("PARLEY_LOAD_MESSAGES"))
	if messages == 0 {
		messages = 100_000
	}
	dir := b.TempDir()
	fill(b, dir, messages/100)
	addr := startApp(b, false, "", func(c *config.Config) {
		c.AI.ConversationPersistence.DataDir = dir
		c.Scheduler.BackupDir = filepath.Join(dir, "backups")
		c.Server.AdminToken = "token-of-the-load-test"
	})
	paced(b, addr, time.Second) // warm
	for b.Loop() {
		quiet := paced(b, addr, 5*time.Second)
		stop := maintain(b, addr)
		busy := paced(b, addr, 5*time.Second)
		rounds := stop()
		b.ReportMetric(float64(quiet.p99.Microseconds())/1000, "quiet-p99-ms")
		b.ReportMetric(float64(busy.p99.Microseconds())/1000, "busy-p99-ms")
		b.ReportMetric(float64(busy.p99)/float64(quiet.p99), "times")
		b.ReportMetric(float64(rounds), "calls")
	}
	b.ReportMetric(0, "ns/op")
}

// fill makes so many conversations of 100 messages, old enough for a cleanup
// to look at and too young for it to delete.
func fill(b *testing.B, dir string, conversations int) {
	b.Helper()
	m, err := conversation.Open(b.Context(), conversation.Options{DataDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	for i := range conversations {
		var list []string
		for n := range 100 {
			role := [2]string{"user", "assistant"}[n%2]
			list = append(list, fmt.Sprintf(`{"role":%q,"content":"message %d of a long talk about nothing in particular","timestamp":"2026-11-01T00:00:00Z","tokens":9}`, role, n))
		}
		archive, err := archive.Read(strings.NewReader(fmt.Sprintf(
			`{"conversation":{"user_key":"generic:private:old-%d","platform":"generic","chat_id":"old-%d"},"messages":[%s]}`, i, i, strings.Join(list, ","))))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Import(b.Context(), *archive, conversation.ImportNew); err != nil {
			b.Fatal(err)
		}
	}
}

// maintain runs the jobs and exports over and over until it is stopped, which
// returns how many calls were made.
func maintain(b *testing.B, addr string) (stop func() int) {
	b.Helper()
	quit, calls := make(chan struct{}), 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; ; i++ {
			for _, call := range []string{"POST /jobs/cleanup/run", "POST /jobs/vacuum/run", "POST /jobs/backup/run", fmt.Sprint("GET /conversations/", i%50+1, "/export")} {
				select {
				case <-quit:
					return
				case <-time.After(5 * time.Millisecond):
				}
				method, path, _ := strings.Cut(call, " ")
				req, err := http.NewRequestWithContext(b.Context(), method, "http://"+addr+"/api/v1"+path, nil)
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer token-of-the-load-test")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode/100 == 2 { // 409: it still runs
					calls++
				}
			}
		}
	})
	return func() int {
		close(quit)
		wg.Wait()
		return calls
	}
}

// paced sends 400 events a second over four connections for d.
func paced(b *testing.B, addr string, d time.Duration) result {
	b.Helper()
	const connections = 4
	took := make([][]time.Duration, connections)
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			answers, tick := bufio.NewReader(conn), time.NewTicker(10*time.Millisecond)
			defer tick.Stop()
			for range int(d / (10 * time.Millisecond)) {
				<-tick.C
				req, start := request(b, eventNumber.Load()), time.Now()
				if err := exchange(conn, answers, req, readAccepted); err != nil {
					b.Error(err)
					return
				}
				took[c] = append(took[c], time.Since(start))
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) == 0 {
		b.Fatal("nothing was sent")
	}
	return result{float64(len(all)) / d.Seconds(), all[len(all)/2], all[len(all)*99/100]}
}
