package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long a program may take to end before it is made to.
const patience = 2 * time.Second

// process is a program that was started, with whatever it has started itself.
type process struct {
	in, out *os.File
	command *exec.Cmd
	tail    *tail
	ended   chan struct{} // closed once it has ended and was waited for
}

// startProcess starts a program as a group of its own, so that a Ctrl-C in the
// terminal does not end it before its calls have ended, with nothing in its
// environment but env.
func startProcess(ctx context.Context, command, env []string) (*process, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", command[0], err), theirIn.Close(), in.Close())
	}
	p := &process{in: in, out: out, tail: &tail{secrets: valuesOf(env)}, ended: make(chan struct{})}
	p.command = exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...) //nolint:gosec // what the administrator names is meant to run
	p.command.Env = slices.Concat([]string{}, env)                                          // not nil, which would be Parley's own
	p.command.Stdin, p.command.Stdout, p.command.Stderr = theirIn, theirOut, p.tail
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(p.command.SysProcAttr)
	p.command.WaitDelay = patience
	started := make(chan error)
	go p.run(started)
	err = <-started
	_, _ = theirIn.Close(), theirOut.Close() // the program has its own
	if err != nil {
		_, _ = in.Close(), out.Close()
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	return p, nil
}

// run starts the program and waits for its end. The thread that starts it is kept
// until then: the system takes its end for Parley's.
func (p *process) run(started chan<- error) {
	defer close(p.ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.command.Start()
	started <- err
	if err == nil {
		_ = p.command.Wait() // how it ended does not matter
		p.signal(syscall.SIGKILL)
	}
}

// signal reaches the program and all that it has started.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.command.Process.Pid, s) }

// stop ends the program: its input first, then by asking it, then by force.
func (p *process) stop() {
	defer p.out.Close()
	_ = p.in.Close()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if p.endsWithin(patience) {
			return
		}
		p.signal(s)
	}
	<-p.ended
}

func (p *process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// said returns the last that the program has written to its standard error, on one line.
func (p *process) said() string { return p.tail.line() }

const (
	// maxTail is how much of a program's standard error is kept, maxSaid how much of
	// that is told, in bytes. What is told is so far from where the rest was cut off
	// that no half of a secret stands in it.
	maxTail = 16 << 10
	maxSaid = 500
	// shortestSecret is what is worth hiding.
	shortestSecret = 6
)

func valuesOf(env []string) (values []string) {
	for _, e := range env {
		if _, value, _ := strings.Cut(e, "="); len(value) >= shortestSecret {
			values = append(values, value)
		}
	}
	return values
}

// tail keeps the last that is written to it.
type tail struct {
	secrets []string

	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b[max(0, len(b)-maxTail):]...)
	t.last = bytes.Clone(t.last[max(0, len(t.last)-maxTail):])
	return len(b), nil
}

// line returns the end of it on one line, without secrets.
func (t *tail) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.last)
	for _, s := range t.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[max(0, len(text)-maxSaid):], "")
}

// writer is a program's standard input. A program that does not read it is as good
// as dead.
type writer struct{ *os.File }

func (w writer) Write(b []byte) (int, error) {
	_ = w.SetWriteDeadline(time.Now().Add(lookTime)) // a pipe has deadlines
	return w.File.Write(b)
}
