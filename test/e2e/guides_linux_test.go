package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// TestGuides is an admin with an empty home and ten minutes: the commands of each
// guide, as they stand there, in a terminal, up to the first answer in the chat.
func TestGuides(t *testing.T) {
	t.Parallel()
	for page, chat := range map[string]func(w *world, ctx context.Context) error{
		"slack.md": func(w *world, ctx context.Context) error {
			if err := w.slack.Sockets.WaitOpened(ctx, 2); err != nil {
				return err
			}
			w.slack.Sockets.Push("hello", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hello"}))
			_, err := w.slack.WaitMessages(ctx, 1)
			return err
		},
		"feishu.md": func(w *world, ctx context.Context) error {
			if err := w.feishu.Sockets.WaitOpened(ctx, 1); err != nil {
				return err
			}
			w.feishu.Sockets.Push("hello", fakefeishu.MessageEvent(fakefeishu.Message{AppID: feishuApp, Text: "hello"}))
			_, err := w.feishu.WaitMessages(ctx, 1)
			return err
		},
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openai.RequireKey("sk-guide")
			ctx, begun := patience(t), time.Now()
			s := newShell(t, w)
			commands := commandsOf(t, page)
			for _, line := range commands[:len(commands)-1] {
				s.run(ctx, line)
			}
			stop := s.serve(ctx, commands[len(commands)-1])
			if err := chat(w, ctx); err != nil {
				t.Fatalf("no answer: %v; the terminal shows\n%s", err, s.screen())
			}
			t.Logf("docs/%s: the first answer %.1f s after the first of %q", page, time.Since(begun).Seconds(), commands)
			if said := w.shown(); said != "reply to: hello\n" {
				t.Errorf("the chat shows %q", said)
			}
			stop()
			for _, secret := range []string{"sk-guide", slackToken, fakeslack.DefaultAppToken, fakeslack.ConfigToken, "app secret"} {
				if strings.Contains(s.screen(), secret) {
					t.Errorf("the terminal shows %q", secret)
				}
			}
		})
	}
}

// commandsOf returns the commands with which a guide begins.
func commandsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```sh\n")
	block, _, _ := strings.Cut(rest, "```")
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if !slices.Contains(lines, "parley setup "+strings.TrimSuffix(page, ".md")) || lines[len(lines)-1] != "parley serve" {
		t.Fatalf("docs/%s begins with %q", page, lines)
	}
	return lines
}

// shell is a terminal with a shell in an empty home, and the person before it.
type shell struct {
	t       *testing.T
	environ []string
	home    string
	tty     *os.File // the shell's end
	person  *os.File
	answers map[string]string

	mu      sync.Mutex
	shown   bytes.Buffer
	seen    int // of what is shown, up to where prompts are answered
	changed chan struct{}
	opened  bool // the address was opened
}

// launcher is where Feishu asks for confirmation.
var launcher = regexp.MustCompile(`http://127\.0\.0\.1:\d+/page/launcher\?\S+`)

func newShell(t *testing.T, w *world) *shell {
	t.Helper()
	home := t.TempDir()
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "parley")); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, home: home, changed: make(chan struct{}, 1), environ: []string{
		"HOME=" + home, "PATH=" + bin + ":/usr/bin:/bin", "TERM=dumb", "PARLEY_LISTEN=127.0.0.1:0",
		"SLACK_API_URL=" + w.slack.APIURL(), "FEISHU_BASE_URL=" + w.feishu.URL(), "FEISHU_ACCOUNTS_URL=" + w.feishu.URL(),
	}, answers: map[string]string{
		"configuration token": fakeslack.ConfigToken, "bot token": slackToken, "app token": fakeslack.DefaultAppToken,
		"base URL": w.openai.URL(), "API key": "sk-guide", "model": "gpt-4o-mini",
	}}
	s.tty, s.person = terminal(t)
	go s.watch()
	return s
}

// watch reads the screen until the terminal is gone.
func (s *shell) watch() {
	piece := make([]byte, 4<<10)
	for {
		n, err := s.person.Read(piece)
		s.mu.Lock()
		s.shown.Write(piece[:n])
		s.mu.Unlock()
		select {
		case s.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *shell) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// start begins a line in the shell, and returns a channel that tells its end.
func (s *shell) start(line string) (cmd *exec.Cmd, ended chan error) {
	s.t.Helper()
	cmd = exec.Command("sh", "-c", "exec "+line)
	cmd.Dir, cmd.Env = s.home, s.environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.tty, s.tty, s.tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended = make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return cmd, ended
}

// run runs a line to its end, and answers what it asks for.
func (s *shell) run(ctx context.Context, line string) {
	s.t.Helper()
	cmd, ended := s.start(line)
	for {
		select {
		case err := <-ended:
			if err != nil {
				s.t.Fatalf("%s: %v; the terminal shows\n%s", line, err, s.screen())
			}
			return
		case <-s.changed:
			s.act()
		case <-ctx.Done():
			_ = cmd.Process.Kill()
			s.t.Fatalf("%s does not end; the terminal shows\n%s", line, s.screen())
		}
	}
}

// act does what the person is asked to on the last line of the screen.
func (s *shell) act() {
	s.mu.Lock()
	fresh, length := s.shown.String()[s.seen:], s.shown.Len()
	s.mu.Unlock()
	if address := launcher.FindString(fresh); address != "" && !s.opened && strings.Contains(fresh, address+"\r\n") {
		s.opened = true
		must(s.t)(http.Get(address))
	}
	for what, answer := range s.answers {
		if strings.HasSuffix(fresh, what+": ") {
			s.seen = length
			fmt.Fprintln(s.person, answer)
			return
		}
	}
}

// serve begins a line that goes on; stop is Ctrl-C.
func (s *shell) serve(ctx context.Context, line string) (stop func()) {
	s.t.Helper()
	cmd, ended := s.start(line)
	s.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return func() {
		fmt.Fprint(s.person, "\x03")
		select {
		case err := <-ended:
			if err != nil {
				s.t.Errorf("%s: %v", line, err)
			}
		case <-ctx.Done():
			s.t.Errorf("%s goes on after Ctrl-C; the terminal shows\n%s", line, s.screen())
		}
	}
}
