package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// TestCrashLosesNothingAndRepeatsNothing kills the gateway at random moments
// under load on all three platforms. Every event that was answered 200 must be
// covered by exactly one visible reply in the end.
func TestCrashLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			crash(t, engine)
		})
	}
}

func crash(t *testing.T, engine database.Engine) {
	t.Helper()
	kills := 10 // 20 on SQLite and PostgreSQL
	if n, err := strconv.Atoi(os.Getenv("PARLEY_CRASH_KILLS")); err == nil {
		kills = n
	}
	const events = 200
	w := newWorld(t)
	if engine != database.SQLite {
		w.database = dbtest.URL(t, engine)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	p := w.spawn(t, "only")
	s := newSender(p.url)

	total := events * max(1, kills/8)
	sent := w.sendAll(ctx, t, s, total, time.Duration(kills*600/total)*time.Millisecond)
	for range kills {
		w.someWork(ctx, rand.IntN(12))
		pause(ctx, rand.N(60*time.Millisecond))
		p.kill()
		p = w.spawn(t, "only")
		s.url.Store(&p.url)
	}
	sent.Wait()
	defer p.kill()
	begin := time.Now()
	lost, doubled := w.audit(ctx, total)
	t.Logf("%s: %d kills, %d events: lost %d, doubled %d; the last reply came %.1f s after the last kill",
		engine, kills, total, len(lost), len(doubled), (time.Since(begin) - lateness).Seconds())
	for what, list := range map[string][]int{"lost": lost, "doubled": doubled} {
		if len(list) > 0 {
			t.Errorf("%s: %v …; the ledger says of the first: %s", what, list[:min(len(list), 20)], ledgerOf(t, p.url, list[0]))
		}
	}
	if engine == database.SQLite {
		p.kill()
		w.intact(t)
	}
}

// sendAll has eight people send so many events, with a pause of at most gap before
// the next.
func (w *world) sendAll(ctx context.Context, t *testing.T, s *sender, events int, gap time.Duration) *sync.WaitGroup {
	t.Helper()
	sent, queue := new(sync.WaitGroup), make(chan int)
	for range 8 {
		sent.Go(func() {
			for i := range queue {
				if !s.send(ctx, w.request(ctx, i)) {
					t.Errorf("event %d was never accepted", i)
				}
			}
		})
	}
	sent.Go(func() {
		defer close(queue)
		for i := range events {
			select {
			case queue <- i:
			case <-ctx.Done():
				return
			}
			pause(ctx, rand.N(gap+1))
		}
	})
	return sent
}

// intact looks through the whole file that the last kill left behind.
func (w *world) intact(t *testing.T) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{DataDir: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var found []string
	if err := db.Read().NewRaw("PRAGMA integrity_check").Scan(t.Context(), &found); err != nil {
		t.Fatal(err)
	}
	var orphans []string
	if err := db.Read().NewRaw(`SELECT "table" FROM pragma_foreign_key_check`).Scan(t.Context(), &orphans); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []string{"ok"}) || len(orphans) > 0 {
		t.Errorf("the file is damaged: %q, rows without their parents in %q", found, orphans)
	}
}

// request builds the i-th event, each of its own conversation, so that each
// gets a reply of its own.
func (w *world) request(ctx context.Context, i int) func(url string) *http.Request {
	text := fmt.Sprintf("question %d.", i)
	return func(url string) (req *http.Request) {
		switch i % 3 {
		case 0:
			body := fakeslack.MessageEvent(fakeslack.Event{
				EventID: fmt.Sprint("Ev", i), Channel: fmt.Sprint("D", i), ChannelType: "im", User: fmt.Sprint("U", i), Text: text,
			})
			req, _ = fakeslack.SignedRequest(ctx, url+"/webhooks/slack", slackSecret, time.Now(), body)
		case 1:
			header, body := fakefeishu.SignedRequest(feishuKey, time.Now(), fakefeishu.MessageEvent(fakefeishu.Message{
				EventID: fmt.Sprint("ev-", i), Token: feishuToken, MessageID: fmt.Sprint("om_", i), ChatID: fmt.Sprint("oc_", i), Sender: fmt.Sprint("ou_", i), Text: text,
			}))
			req, _ = http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/feishu", strings.NewReader(string(body)))
			req.Header = header
		default:
			body, _ := json.Marshal(map[string]string{"sender_id": fmt.Sprint("u", i), "text": text})
			req, _ = fakecallback.SignedRequest(ctx, genericSecret, fmt.Sprint("evt-", i), time.Now(), url+"/webhooks/generic", body)
		}
		return req
	}
}

// someWork waits until so many more sends were begun, or nothing much happens.
// Measured in work and not in time alone, the moments of death are spread the
// same on a slow machine, and few processes die before they got anything done:
// an event that is being answered alone when its process dies, three times in
// a row, is given up on.
func (w *world) someWork(ctx context.Context, sends int) {
	begun := func() int { return w.slack.Calls(fakeslack.ChatPostMessage) + w.feishu.Requests(fakefeishu.Reply) }
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for goal := begun() + sends; begun() < goal && ctx.Err() == nil; {
		pause(ctx, 2*time.Millisecond)
	}
}

// ledgerOf returns what is known of the i-th event.
func ledgerOf(t *testing.T, url string, i int) string {
	t.Helper()
	s := &server{t: t, url: url}
	return s.admin(http.MethodGet, fmt.Sprint("events/", [3]string{"Ev", "ev-", "evt-"}[i%3], i)).body
}

const (
	// lateness is how long to wait for what comes twice.
	lateness = time.Second
	// patienceWithout is how long nothing may happen before what is missing is lost.
	patienceWithout = 30 * time.Second
)

// audit waits until every event has its reply, or no more of them come, and
// counts replies per event.
func (w *world) audit(ctx context.Context, total int) (lost, doubled []int) {
	missing, since := total+1, time.Now()
	for ctx.Err() == nil {
		lost, _ = w.count(total)
		if len(lost) < missing {
			missing, since = len(lost), time.Now()
		}
		if len(lost) == 0 || time.Since(since) > patienceWithout {
			break
		}
		pause(ctx, 50*time.Millisecond)
	}
	pause(ctx, lateness) // what comes twice may come late
	return w.count(total)
}

func (w *world) count(total int) (lost, doubled []int) {
	replies := map[string]int{}
	for line := range strings.Lines(w.shown()) {
		replies[strings.TrimSpace(line)]++
	}
	for i := range total {
		switch n := replies[fmt.Sprintf("reply to: question %d.", i)]; {
		case n == 0:
			lost = append(lost, i)
		case n > 1:
			doubled = append(doubled, i)
		}
	}
	return lost, doubled
}
