package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// childConfig names the file that tells this test binary to be the gateway.
const childConfig = "PARLEY_E2E_CHILD"

func TestMain(m *testing.M) {
	if file := os.Getenv(childConfig); file != "" {
		os.Exit(child(file))
	}
	os.Exit(m.Run())
}

// child is the real program in a process of its own, to be killed.
func child(file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	text, err := os.ReadFile(file)
	if err != nil {
		return 1
	}
	var c childOptions
	if err := json.Unmarshal(text, &c); err != nil {
		return 1
	}
	cfg, err := config.Load(config.LoadOptions{Environ: c.Environ})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	a, err := app.New(ctx, cfg, app.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Settle: 300 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("listening " + a.Addr())
	if err := a.Run(ctx); err != nil {
		return 1
	}
	return 0
}

type childOptions struct{ Environ []string }

// process is the gateway in a process that can be killed.
type process struct {
	cmd *exec.Cmd
	url string
}

func (w *world) spawn(t *testing.T) *process {
	t.Helper()
	file := w.dir + "/child.json"
	text, _ := json.Marshal(childOptions{Environ: []string{
		"PARLEY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_TOKEN=" + adminToken,
		"SLACK_SIGNING_SECRET=" + slackSecret, "SLACK_BOT_TOKEN=" + slackToken, "SLACK_API_URL=" + w.slack.APIURL(),
		"FEISHU_APP_ID=" + feishuApp, "FEISHU_APP_SECRET=app secret", "FEISHU_ENCRYPT_KEY=" + feishuKey,
		"FEISHU_VERIFICATION_TOKEN=" + feishuToken, "FEISHU_BASE_URL=" + w.feishu.URL(),
		"GENERIC_WEBHOOK_SECRET=" + genericSecret, "GENERIC_CALLBACK_URL=" + w.callback.URL(),
		"OPENAI_BASE_URL=" + w.openai.URL(), "OPENAI_API_KEY=sk-test",
		"CONVERSATION_DATA_DIR=" + w.dir, "CONVERSATION_DB_URL=" + w.database,
	}})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childConfig+"="+file)
	if os.Getenv("PARLEY_TEST_LOG") != "" {
		cmd.Stderr = os.Stderr
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		_ = cmd.Wait()
		t.Fatal("the gateway did not start")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return &process{cmd: cmd, url: "http://" + strings.TrimPrefix(lines.Text(), "listening ")}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// sender sends one event to wherever the gateway is at the moment, again and
// again until it is answered 200, as the platforms do.
type sender struct {
	url  atomic.Pointer[string]
	http *http.Client
}

func (s *sender) send(ctx context.Context, build func(url string) *http.Request) bool {
	for ctx.Err() == nil {
		resp, err := s.http.Do(build(*s.url.Load()))
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode < 300 {
			return true
		}
	}
	return false
}

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
	kills := 8
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
	p := w.spawn(t)
	s := &sender{http: &http.Client{Timeout: 5 * time.Second}}
	s.url.Store(&p.url)

	total := events * max(1, kills/8)
	var sent sync.WaitGroup
	queue := make(chan int)
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
		for i := range total {
			select {
			case queue <- i:
			case <-ctx.Done():
				return
			}
			pause(ctx, time.Duration(rand.IntN(1+kills*300/total))*time.Millisecond)
		}
	})
	for range kills {
		pause(ctx, time.Duration(20+rand.IntN(250))*time.Millisecond)
		p.kill()
		p = w.spawn(t)
		s.url.Store(&p.url)
	}
	sent.Wait()
	defer p.kill()
	lost, doubled := w.audit(ctx, total)
	t.Logf("%s: %d kills, %d events: lost %d, doubled %d", engine, kills, total, len(lost), len(doubled))
	if len(lost) > 0 || len(doubled) > 0 {
		t.Errorf("lost %v\ndoubled %v", lost, doubled)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
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

// audit waits until every event has its reply and counts replies per event.
func (w *world) audit(ctx context.Context, total int) (lost, doubled []int) {
	deadline, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		lost, _ = w.count(total)
		if len(lost) == 0 || deadline.Err() != nil {
			break
		}
		pause(deadline, 50*time.Millisecond)
	}
	pause(ctx, time.Second) // what comes twice may come late
	return w.count(total)
}

func (w *world) count(total int) (lost, doubled []int) {
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
	text := all.String()
	for i := range total {
		switch n := strings.Count(text, fmt.Sprintf("reply to: question %d.", i)); {
		case n == 0:
			lost = append(lost, i)
		case n > 1:
			doubled = append(doubled, i)
		}
	}
	return lost, doubled
}
