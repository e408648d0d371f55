package soak_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	adminToken   = "a-token-for-the-soak-only"
	friendSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	worstSecret  = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// program is the built program in a process of its own.
type program struct {
	url  string
	cmd  *exec.Cmd
	log  *lockedBuffer
	stop func()
}

// build compiles the program once.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "parley")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/parley")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

var listening = regexp.MustCompile(`"listen":"([0-9.:]+)"`)

// start runs the program until it is stopped or the test ends.
func start(t *testing.T, binary, model, callback string) *program {
	t.Helper()
	dir := t.TempDir()
	file := fmt.Sprintf(`
server: {listen: "127.0.0.1:0", admin_token: %s}
platforms:
  generic:
    sources:
      - {name: friend, secret: %s, callback_url: %q}
      - {name: worst, secret: %s}
ai: {base_url: %q, api_key: sk-soak}
`, adminToken, friendSecret, callback, worstSecret, model)
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{log: &lockedBuffer{}, cmd: exec.Command(binary, "serve", "--log-format", "json")}
	p.cmd.Dir, p.cmd.Stderr, p.cmd.Stdout = dir, p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	p.stop = sync.OnceFunc(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v\n%s", err, p.log.tail())
		}
	})
	t.Cleanup(p.stop)
	for late := time.After(20 * time.Second); ; {
		if found := listening.FindStringSubmatch(p.log.String()); found != nil {
			p.url = "http://" + found[1]
			return p
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-late:
			t.Fatalf("the program does not listen\n%s", p.log.tail())
		}
	}
}

// resident is the memory of the program in MB, now and at its highest.
func (p *program) resident(t *testing.T) (now, highest int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		kilobytes, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "VmRSS:":
			now = kilobytes / 1000
		case "VmHWM:":
			highest = kilobytes / 1000
		}
	}
	return now, highest
}

// lockedBuffer keeps the beginning of a log and its last lines.
type lockedBuffer struct {
	mu         sync.Mutex
	head, last bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.head.Len() < 64<<10 {
		b.head.Write(p)
	}
	if b.last.Len() > 64<<10 {
		b.last.Reset()
	}
	b.last.Write(p)
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head.String()
}

func (b *lockedBuffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.last.String()
	return text[max(0, len(text)-4000):]
}

// startModel is a model that echoes, and says 4 MB where it is asked for much.
func startModel(t *testing.T) string {
	t.Helper()
	much := strings.Repeat("much ", 1<<20/5)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked bytes.Buffer
		_, _ = asked.ReadFrom(http.MaxBytesReader(w, r.Body, 4<<20))
		w.Header().Set("Content-Type", "text/event-stream")
		say := func(text string) error {
			_, err := fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":%q}}]}\n\n", text)
			return err
		}
		if strings.Contains(asked.String(), "say much") {
			for range 4 {
				if say(much) != nil {
					return // the program has read as much as it wants
				}
			}
		}
		_ = say("I hear you.")
		_, _ = fmt.Fprint(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
