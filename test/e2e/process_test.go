package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parley-bot/parley/ai/mcp/mcptest"
	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/cli"
	"github.com/parley-bot/parley/internal/config"
)

// childConfig names the file that tells this test binary to be the gateway.
const childConfig = "PARLEY_E2E_CHILD"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "parley" { // a link to this binary, for a shell
		interrupts := make(chan os.Signal, 1)
		signal.Notify(interrupts, os.Interrupt)
		streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Interrupts: interrupts}
		os.Exit(cli.Run(context.Background(), "test", streams, os.Args[1:], os.Environ()))
	}
	if run := map[string]func([]string) error{deskName: runDesk, badName: mcptest.Run}[filepath.Base(os.Args[0])]; run != nil {
		if err := run(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if file := os.Getenv(childConfig); file != "" {
		os.Exit(child(file))
	}
	if err := flag.Set("test.parallel", waiting); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// waiting is how many tests run at once. They wait for leases, paces and
// processes most of the time, and go test counts processors. -parallel, which
// is read later, goes before it.
const waiting = "4"

// Short times, so that a call that hangs does not hold a test up. The lease is
// the real one.
const (
	shortCall   = time.Second
	shortSettle = 300 * time.Millisecond
)

// child is the real program in a process of its own, to be killed.
func child(file string) int {
	// A write that a limit on file sizes refuses is an error, as on a full disk.
	signal.Ignore(syscall.SIGXFSZ)
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
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	a, err := app.New(ctx, cfg, app.Options{Logger: log, Settle: shortSettle, CallTimeout: c.CallTimeout})
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

type childOptions struct {
	Environ     []string
	CallTimeout time.Duration
}

// process is the gateway in a process that can be killed.
type process struct {
	cmd  *exec.Cmd
	url  string
	once sync.Once
}

// spawn starts the gateway of this world. name tells replicas apart; environ
// is added to the configuration.
func (w *world) spawn(t *testing.T, name string, environ ...string) *process {
	t.Helper()
	file := w.dir + "/" + name + ".json"
	text, _ := json.Marshal(childOptions{CallTimeout: w.callTimeout, Environ: append([]string{
		"PARLEY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_TOKEN=" + adminToken,
		"SLACK_SIGNING_SECRET=" + slackSecret, "SLACK_BOT_TOKEN=" + slackToken, "SLACK_API_URL=" + w.slack.APIURL(),
		"FEISHU_APP_ID=" + feishuApp, "FEISHU_APP_SECRET=app secret", "FEISHU_ENCRYPT_KEY=" + feishuKey,
		"FEISHU_VERIFICATION_TOKEN=" + feishuToken, "FEISHU_BASE_URL=" + w.feishu.URL(),
		"GENERIC_WEBHOOK_SECRET=" + genericSecret, "GENERIC_CALLBACK_URL=" + w.callback.URL(),
		"OPENAI_BASE_URL=" + w.openai.URL(), "OPENAI_API_KEY=sk-" + name,
		"CONVERSATION_DATA_DIR=" + w.dir, "CONVERSATION_DB_URL=" + w.database,
	}, environ...)})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childConfig+"="+file)
	raced := &reports{}
	cmd.Stderr, cmd.WaitDelay = raced, time.Second
	if os.Getenv("PARLEY_TEST_LOG") != "" {
		cmd.Stderr = io.MultiWriter(raced, os.Stderr)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(func() {
		p.kill()
		if len(raced.text) > 0 {
			t.Errorf("the race detector reports of %s\n%s", name, raced.text)
		}
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the gateway did not start")
	}
	p.url = "http://" + strings.TrimPrefix(lines.Text(), "listening ")
	return p
}

// reports keeps what the race detector says in a process, whose exit code a kill
// hides. It is read when the process has ended.
type reports struct{ text []byte }

func (r *reports) Write(p []byte) (int, error) {
	at := bytes.Index(p, []byte("WARNING: DATA RACE"))
	switch {
	case len(r.text) > 0 && len(r.text) < 1<<16:
		r.text = append(r.text, p...)
	case len(r.text) == 0 && at >= 0:
		r.text = append(r.text, p[at:]...)
	}
	return len(p), nil
}

// kill is kill -9. It may be called twice.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.once.Do(func() { _ = p.cmd.Wait() })
}

// stop is SIGTERM, and returns once the process has ended by itself.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.once.Do(func() { _ = p.cmd.Wait() })
}

// limitFiles makes every write beyond so many bytes of a file fail.
func (p *process) limitFiles(bytes uint64) error {
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	return unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil)
}

// sender sends one event to wherever the gateway is at the moment, again and
// again until it is answered 200, as the platforms do.
type sender struct {
	url     atomic.Pointer[string]
	http    *http.Client
	refused atomic.Int64 // attempts that were not answered 200
}

func newSender(url string) *sender {
	s := &sender{http: &http.Client{Timeout: 5 * time.Second}}
	s.url.Store(&url)
	return s
}

func (s *sender) send(ctx context.Context, build func(url string) *http.Request) bool {
	for ctx.Err() == nil {
		if s.once(build(*s.url.Load())) {
			return true
		}
		s.refused.Add(1)
	}
	return false
}

func (s *sender) once(req *http.Request) bool {
	resp, err := s.http.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode < 300
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
