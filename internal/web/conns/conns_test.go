package conns_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/web/conns"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// server serves handler on a listener of limit and returns its address.
func server(t *testing.T, limit *conns.Limit, handler http.HandlerFunc) string {
	t.Helper()
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, ConnContext: limit.Context, ConnState: limit.State, ReadHeaderTimeout: patience}
	done := make(chan error, 1)
	go func() { done <- s.Serve(limit.Listen(inner)) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return inner.Addr().String()
}

// dial opens a connection and says so much on it.
func dial(t *testing.T, addr, says string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, says); err != nil {
		t.Fatal(err)
	}
	return c
}

// closed waits until the other side closes c without an answer.
func closed(t *testing.T, what string, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %d bytes, %v; want the connection closed", what, n, err)
	} else if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Errorf("%s is still open", what)
	}
}

const (
	whole = "GET /whole HTTP/1.1\r\nHost: h\r\n\r\n"
	half  = "POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"
	mine  = "GET /mine HTTP/1.1\r\nHost: h\r\n\r\n"
)

// piped serves handler over pipes, in a bubble of synctest, and returns what
// opens a connection, says so much on it and waits until all is at rest: over TCP
// the other side may not yet count as idle those whom it has answered.
func piped(t *testing.T, limit *conns.Limit, handler http.HandlerFunc) (open func(says string) net.Conn) {
	t.Helper()
	inner := &brokenListener{conns: make(chan net.Conn, 10), done: make(chan struct{})}
	s := &http.Server{Handler: handler, ConnContext: limit.Context, ConnState: limit.State, ReadHeaderTimeout: patience}
	done := make(chan error, 1)
	go func() { done <- s.Serve(limit.Listen(inner)) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return func(says string) net.Conn {
		far, near := net.Pipe()
		t.Cleanup(func() { far.Close() })
		_ = far.SetDeadline(time.Now().Add(patience / 2))
		inner.conns <- near
		go func() { _, _ = io.WriteString(far, says) }()
		synctest.Wait()
		return far
	}
}

// answered waits for an answer on c.
func answered(t *testing.T, c net.Conn) {
	t.Helper()
	p := make([]byte, 512)
	if n, err := c.Read(p); err != nil || !strings.HasPrefix(string(p[:n]), "HTTP/1.1 200") {
		t.Errorf("%q, %v", p[:n], err)
	}
	synctest.Wait()
}

// At the limit the longest idle gives way, then the longest unverified, and
// who is verified never does: then who comes in waits.
func TestWhoGivesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit, leave := conns.New(conns.Options{Max: 3}), make(chan struct{})
		open := piped(t, limit, func(_ http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/half":
				_, _ = io.Copy(io.Discard, r.Body)
			case "/mine":
				conns.Verified(r.Context())
				<-leave
			}
		})
		silent, slow, kept := open(""), open(half), open(whole)
		answered(t, kept) // and idle from now on
		first := open(mine)
		closed(t, "the longest idle one", silent)
		second := open(mine)
		closed(t, "the other idle one", kept)
		third := open(mine)
		closed(t, "the unverified one", slow)
		last := open(whole)
		if limit.Open() != 3 {
			t.Errorf("%d connections are open", limit.Open())
		}
		close(leave)
		for _, c := range []net.Conn{first, second, third, last} {
			answered(t, c)
		}
	})
}

// A crowd far beyond the limit that says nothing, or half of something, shuts
// nobody out.
func TestCrowdShutsNobodyOut(t *testing.T) {
	t.Parallel()
	limit := conns.New(conns.Options{Max: 20})
	addr := server(t, limit, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for i := range 200 {
		dial(t, addr, []string{"", "GET / HT", half}[i%3])
		if i%20 != 0 {
			continue
		}
		start := time.Now()
		c := dial(t, addr, whole)
		p := make([]byte, 512)
		if n, err := c.Read(p); err != nil || !strings.HasPrefix(string(p[:n]), "HTTP/1.1 200") {
			t.Fatalf("after %d: %q, %v", i, p[:n], err)
		}
		if took := time.Since(start); took > patience/2 { // shut out, it waits for those before to be out of patience
			t.Errorf("after %d: shut out for %s", i, took)
		}
		if limit.Open() > 20 {
			t.Errorf("%d connections are open", limit.Open())
		}
	}
}

// A server on several listeners has one limit.
func TestListenersShareTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := conns.New(conns.Options{Max: 2})
		ok := func(http.ResponseWriter, *http.Request) {}
		one, two := piped(t, limit, ok), piped(t, limit, ok)
		first := one("")
		two("")
		answered(t, two(whole))
		closed(t, "the longest idle one, of the other listener", first)
	})
}

// brokenListener fails so often before each connection.
type brokenListener struct {
	net.Listener

	fails int
	err   error
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.fails > 0 {
		l.fails--
		return nil, l.err
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *brokenListener) Close() error { l.once.Do(func() { close(l.done) }); return nil }

func (l *brokenListener) Addr() net.Addr { return &net.TCPAddr{} }

// When connections cannot be accepted, because files have run out or for any
// other reason, that is one line a minute, who is idle gives way, and all goes
// on afterwards.
func TestFailingAccepts(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{&net.OpError{Op: "accept", Err: syscall.EMFILE}, syscall.ENOBUFS, errors.New("who knows")} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			limit := conns.New(conns.Options{Max: 10, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			inner := &brokenListener{conns: make(chan net.Conn, 2), done: make(chan struct{}), err: cause}
			listener := limit.Listen(inner)
			far, near := net.Pipe()
			inner.conns <- near
			idle, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			inner.fails = 90
			start := time.Now()
			_, other := net.Pipe()
			inner.conns <- other
			c, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the idle one did not give way: %v", err)
			}
			if lines := strings.Count(log.String(), "connections cannot be accepted"); lines != 2 || took < time.Minute || took > 2*time.Minute {
				t.Errorf("%d lines in %s:\n%s", lines, took, &log)
			}
			_ = idle.Close()
			_ = c.Close()
			if limit.Open() != 0 {
				t.Errorf("%d connections are open", limit.Open())
			}
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accept after the end: %v", err)
			}
		})
	}
}

// Who waits for room does not keep the listener from ending.
func TestCloseWhileFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit := conns.New(conns.Options{Max: 1})
		inner := &brokenListener{conns: make(chan net.Conn, 2), done: make(chan struct{})}
		listener := limit.Listen(inner)
		_, a := net.Pipe()
		_, b := net.Pipe()
		inner.conns <- a
		inner.conns <- b
		first, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns.Verified(limit.Context(t.Context(), first))
		ended := make(chan error, 1)
		go func() { _, err := listener.Accept(); ended <- err }()
		synctest.Wait()
		_ = listener.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		_ = first.Close()
	})
}

func TestMostLeavesFilesForOthers(t *testing.T) {
	t.Parallel()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if n := conns.Most(); n < 16 || n > 4096 || uint64(n) >= files.Cur {
		t.Errorf("%d connections with %d files", n, files.Cur)
	}
}
