package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// servers returns the engines that several replicas can share.
func servers() []database.Engine {
	return slices.DeleteFunc(dbtest.Engines(), func(e database.Engine) bool { return e == database.SQLite })
}

const (
	eventsEach = 10 // events of one conversation
	// takeoverLimit is the longest that a conversation may stay with a replica
	// that is gone.
	takeoverLimit = 30 * time.Second
	// pastLease is longer than a lease lasts.
	pastLease = 23 * time.Second
)

// TestReplicasShareTheWork runs three real processes on one database, sends
// every event to two of them at once, kills one with kill -9 while it waits for
// the model, freezes another past its lease and wakes it again. Each event must
// be covered once, in the order of its conversation.
// PARLEY_REPLICA_EVENTS sets the size; 600 is what docs/promise.md tells of.
func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	for _, engine := range servers() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			shareTheWork(t, engine)
		})
	}
}

func shareTheWork(t *testing.T, engine database.Engine) {
	t.Helper()
	total := 200
	if n, err := strconv.Atoi(os.Getenv("PARLEY_REPLICA_EVENTS")); err == nil {
		total = n
	}
	c := newCluster(t, engine, total/eventsEach)
	c.start(t)
	if !c.until(func() bool { return c.accepted.Load() >= int64(c.conversations*eventsEach/3) }) {
		t.Fatal("the load does not get on")
	}
	// The model thinks for so long that every replica is in the middle of turns.
	before := len(c.openai.Calls())
	release := c.openai.Hold()
	if !c.until(func() bool { h := c.held(before); return len(h["a"]) > 0 && len(h["b"]) > 0 }) {
		t.Fatal("replicas a and b do not work")
	}
	pause(c.ctx, 300*time.Millisecond)
	c.leave("a", "b")
	c.replicas["a"].kill()
	c.signal(t, "b", syscall.SIGSTOP)
	gone := time.Now()
	held := c.held(before)
	release()
	for _, name := range []string{"a", "b"} {
		took := c.takeover(t, held[name], gone)
		t.Logf("%s: what %s held (%d conversations) was shown %.1f s after it was %s", engine, name, len(held[name]), took.Seconds(),
			map[string]string{"a": "killed", "b": "frozen"}[name])
	}
	pause(c.ctx, pastLease-time.Since(gone))
	c.signal(t, "b", syscall.SIGCONT)
	c.join("b")
	calls := len(c.openai.Calls())
	close(c.woken)
	c.sending.Wait()
	c.check(t, engine)
	if !slices.ContainsFunc(c.openai.Calls()[calls:], func(call fakeopenai.Call) bool { return replicaOf(call) == "b" }) {
		t.Error("b did no work after it was woken")
	}
}

// cluster is three replicas under load.
type cluster struct {
	*world
	conversations int
	ctx           context.Context //nolint:containedctx // the test's own
	http          *http.Client
	replicas      map[string]*process
	woken         chan struct{} // closed: the last events of each conversation may be sent
	sending       sync.WaitGroup
	accepted      atomic.Int64

	mu   sync.Mutex
	live []string // replicas that the load goes to
}

func newCluster(t *testing.T, engine database.Engine, conversations int) *cluster {
	t.Helper()
	c := &cluster{
		world: newWorld(t), conversations: conversations, woken: make(chan struct{}),
		http: &http.Client{Timeout: 5 * time.Second}, replicas: map[string]*process{},
	}
	c.database = dbtest.URL(t, engine)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	c.ctx = ctx
	c.openai.SetReply(func(call fakeopenai.Call) string { return "covers " + newTexts(call) })
	for _, name := range []string{"a", "b", "c"} {
		// No two of them can hold all conversations, so that each has some.
		c.replicas[name] = c.spawn(t, name, fmt.Sprintf("PARLEY_GATEWAY__WORKERS=%d", conversations/3+1))
		c.join(name)
	}
	return c
}

// newTexts is what the model is asked now: the messages since its last answer.
func newTexts(call fakeopenai.Call) string {
	var texts []string
	for _, m := range slices.Backward(call.Messages) {
		if m.Role != "user" {
			break
		}
		texts = append(texts, m.Content)
	}
	slices.Reverse(texts)
	return strings.Join(texts, " ")
}

func (c *cluster) join(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = append(c.live, names...)
}

// leave takes replicas out, as a load balancer does. What is on its way to them fails.
func (c *cluster) leave(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = slices.DeleteFunc(c.live, func(n string) bool { return slices.Contains(names, n) })
}

func (c *cluster) signal(t *testing.T, name string, s syscall.Signal) {
	t.Helper()
	if err := c.replicas[name].cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// start sends the events of each conversation one after the other, all
// conversations side by side. The last two of each wait until b is awake again.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	for conv := range c.conversations {
		c.sending.Go(func() {
			for i := range eventsEach {
				if i == eventsEach-2 {
					select {
					case <-c.woken:
					case <-c.ctx.Done():
					}
				}
				pause(c.ctx, rand.N(100*time.Millisecond))
				if !c.deliver(conv, i) {
					t.Errorf("event %d of conversation %d was never accepted", i, conv)
					return
				}
				c.accepted.Add(1)
			}
		})
	}
}

// deliver sends an event to two replicas at once, until one has taken it.
func (c *cluster) deliver(conv, i int) bool {
	for c.ctx.Err() == nil {
		c.mu.Lock()
		to := slices.Clone(c.live)
		c.mu.Unlock()
		rand.Shuffle(len(to), func(i, j int) { to[i], to[j] = to[j], to[i] })
		var taken atomic.Bool
		var both sync.WaitGroup
		for _, name := range to[:min(2, len(to))] {
			both.Go(func() {
				if c.post(c.replicas[name].url, conv, i) {
					taken.Store(true)
				}
			})
		}
		both.Wait()
		if taken.Load() {
			return true
		}
	}
	return false
}

func (c *cluster) post(url string, conv, i int) bool {
	s := sender{http: c.http}
	return s.once(c.said(url, conv, i))
}

// said is the i-th event of a conversation.
func (c *cluster) said(url string, conv, i int) (req *http.Request) {
	text := fmt.Sprintf("[%d.%d]", conv, i)
	switch conv % 3 {
	case 0:
		body := fakeslack.MessageEvent(fakeslack.Event{
			EventID: fmt.Sprintf("Ev%d-%d", conv, i), TS: fmt.Sprintf("17000%05d.%06d", conv, i+1),
			Channel: fmt.Sprint("D", conv), ChannelType: "im", User: fmt.Sprint("U", conv), Text: text,
		})
		req, _ = fakeslack.SignedRequest(c.ctx, url+"/webhooks/slack", slackSecret, time.Now(), body)
	case 1:
		header, body := fakefeishu.SignedRequest(feishuKey, time.Now(), fakefeishu.MessageEvent(fakefeishu.Message{
			EventID: fmt.Sprintf("ev-%d-%d", conv, i), Token: feishuToken, MessageID: fmt.Sprintf("om_%d_%d", conv, i),
			ChatID: fmt.Sprint("oc_", conv), Sender: fmt.Sprint("ou_", conv), Text: text,
		}))
		req, _ = http.NewRequestWithContext(c.ctx, http.MethodPost, url+"/webhooks/feishu", strings.NewReader(string(body)))
		req.Header = header
	default:
		body, _ := json.Marshal(map[string]string{"sender_id": fmt.Sprint("u", conv), "text": text})
		req, _ = fakecallback.SignedRequest(c.ctx, genericSecret, fmt.Sprintf("evt-%d-%d", conv, i), time.Now(), url+"/webhooks/generic", body)
	}
	return req
}

func replicaOf(call fakeopenai.Call) string {
	return strings.TrimPrefix(call.Header.Get("Authorization"), "Bearer sk-")
}

// held returns, for each replica, what it has asked the model since a call.
func (c *cluster) held(since int) map[string][]string {
	list := map[string][]string{}
	for _, call := range c.openai.Calls()[since:] {
		list[replicaOf(call)] = append(list[replicaOf(call)], newTexts(call))
	}
	return list
}

// until waits for something to become true.
func (c *cluster) until(is func() bool) bool {
	for !is() {
		if c.ctx.Err() != nil {
			return false
		}
		pause(c.ctx, 10*time.Millisecond)
	}
	return true
}

// takeover waits until all that a lost replica was asked is covered by others,
// and returns how long that took.
func (c *cluster) takeover(t *testing.T, asked []string, gone time.Time) time.Duration {
	t.Helper()
	for _, text := range asked {
		for token := range strings.FieldsSeq(text) {
			if !c.until(func() bool { return strings.Contains(c.shown(), token) }) {
				t.Fatalf("%s was never answered", token)
			}
		}
	}
	took := time.Since(gone)
	if took > takeoverLimit {
		t.Errorf("taken over after %v", took)
	}
	return took
}

// shown is everything visible on any platform, in order.
func (w *world) shown() string {
	var all strings.Builder
	for _, m := range w.slack.Messages() {
		all.WriteString(m.Text + "\n")
	}
	for _, m := range w.feishu.Messages() {
		all.WriteString(m.Text + "\n")
	}
	for _, m := range w.callback.Replies() {
		all.WriteString(m.Text + "\n")
	}
	return all.String()
}

// check waits until everything is answered and looks at what people see.
func (c *cluster) check(t *testing.T, engine database.Engine) {
	t.Helper()
	token := regexp.MustCompile(`\[(\d+)\.(\d+)\]`)
	total := c.conversations * eventsEach
	if !c.until(func() bool { return len(token.FindAllString(c.shown(), -1)) >= total }) {
		t.Error("not everything was answered")
	}
	pause(c.ctx, 2*time.Second) // what comes twice may come late
	got := map[string][]string{}
	for _, m := range token.FindAllStringSubmatch(c.shown(), -1) {
		got[m[1]] = append(got[m[1]], m[2])
	}
	var want []string
	for i := range eventsEach {
		want = append(want, strconv.Itoa(i))
	}
	var lost, doubled, disordered int
	for conv := range c.conversations {
		list := got[strconv.Itoa(conv)]
		once := slices.Compact(slices.SortedFunc(slices.Values(list), byNumber))
		lost += eventsEach - len(once)
		doubled += len(list) - len(once)
		if !slices.IsSortedFunc(list, byNumber) {
			disordered++
		}
		if !slices.Equal(list, want) {
			t.Errorf("conversation %d was answered as %v", conv, list)
		}
	}
	t.Logf("%s: %d events over %d conversations, each sent to two of three replicas: lost %d, doubled %d, conversations out of order %d",
		engine, total, c.conversations, lost, doubled, disordered)
	c.nothingOpen(t)
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return cmp.Compare(x, y)
}

// nothingOpen asks the ledger.
func (c *cluster) nothingOpen(t *testing.T) {
	t.Helper()
	s := &server{t: t, url: c.replicas["c"].url}
	for _, status := range []string{"received", "running", "failed", "dead"} {
		if items := s.admin(http.MethodGet, "events?status="+status).json(t)["items"].([]any); len(items) > 0 {
			t.Errorf("%d events are %s, such as %v", len(items), status, items[0])
		}
	}
}

// Who waits or streams at one replica is answered although another one does the work.
func TestWaitingAtAnotherReplica(t *testing.T) {
	t.Parallel()
	for _, engine := range servers() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			idle := w.startWith(t, app.Options{Paused: true}) // takes events and answers none
			w.start(t)
			if got := idle.reply("alice", "hi"); got != "reply to: hi" {
				t.Errorf("waiting: %q", got)
			}
			a := idle.request(http.MethodPost, "/webhooks/generic", `{"sender_id":"bob","text":"stream"}`,
				"Content-Type", "application/json", "Accept", "text/event-stream")
			if a.status != http.StatusOK || strings.Count(a.body, "event: done") != 1 || !strings.Contains(a.body, `"text":"reply to: stream"`) {
				t.Errorf("streaming: %d %s", a.status, a.body)
			}
			st := idle.request(http.MethodPost, "/webhooks/generic", `{"id":"later","sender_id":"carol","text":"later"}`, "Content-Type", "application/json")
			if st.status != http.StatusAccepted {
				t.Errorf("%d %s", st.status, st.body)
			}
			for ctx := patience(t); ctx.Err() == nil; pause(ctx, 20*time.Millisecond) {
				if idle.request(http.MethodGet, "/webhooks/generic/events/later", "").json(t)["status"] == "completed" {
					return
				}
			}
			t.Error("the status at the other replica never became completed")
		})
	}
}

// On SQLite a second serve would answer beside the first: it is refused, in
// words that say why, until the first has ended.
func TestSecondServeOnOneSQLiteFileIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.start(t)
	_, err := app.New(t.Context(), w.config(), app.Options{})
	if !errors.Is(err, database.ErrInUse) || !strings.Contains(err.Error(), "another parley serve uses this database") ||
		!strings.Contains(err.Error(), w.dir) {
		t.Errorf("the second one: %v", err)
	}
	if got := first.reply("alice", "still there?"); got != "reply to: still there?" {
		t.Errorf("the first one: %q", got)
	}
	first.stop()
	if got := w.start(t).reply("alice", "and now?"); got != "reply to: and now?" {
		t.Errorf("after the first one: %q", got)
	}
}

// A job never runs twice at once, whichever replicas are asked for it at the
// same moment. (That a scheduled time is served once: TestScheduleIsServedOnce
// and TestRunsRace of the scheduler.)
func TestJobRunsOnceOverReplicas(t *testing.T) {
	t.Parallel()
	for _, engine := range servers() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			var replicas []*server
			for range 3 {
				replicas = append(replicas, w.start(t))
			}
			codes := map[int]int{}
			var mu sync.Mutex
			var asking sync.WaitGroup
			for i := range 30 {
				asking.Go(func() {
					code := replicas[i%3].admin(http.MethodPost, "jobs/backup/run").status
					mu.Lock()
					defer mu.Unlock()
					codes[code]++
				})
			}
			asking.Wait()
			var runs float64
			for ctx := patience(t); ctx.Err() == nil; pause(ctx, 20*time.Millisecond) {
				last := replicas[0].job(t, "backup")
				if run, _ := last["last_run"].(map[string]any); run != nil && run["status"] == "ok" {
					runs, _ = last["runs"].(float64)
					break
				}
			}
			folders, err := os.ReadDir(w.dir + "/backups")
			if err != nil || len(folders) != int(runs) || codes[http.StatusAccepted] != int(runs) || runs < 1 {
				t.Errorf("%v runs, %d folders, answers %v, %v", runs, len(folders), slices.Sorted(maps.Keys(codes)), err)
			}
		})
	}
}

func (s *server) job(t *testing.T, name string) map[string]any {
	t.Helper()
	for _, item := range s.admin(http.MethodGet, "jobs").json(t)["items"].([]any) {
		if job, _ := item.(map[string]any); job["name"] == name {
			return job
		}
	}
	t.Fatalf("there is no job %s", name)
	return nil
}
