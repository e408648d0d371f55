package conns

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// The waits after an accept that failed, doubling.
	firstWait, longestWait = 5 * time.Millisecond, time.Second
	// sayAgain is how often failing accepts are logged at most.
	sayAgain = time.Minute
)

// Listen returns a listener whose connections count. Its Accept goes on after
// every error but the end of the listener itself.
func (l *Limit) Listen(inner net.Listener) net.Listener {
	return &listener{Listener: inner, limit: l, closed: make(chan struct{})}
}

type listener struct {
	net.Listener

	limit  *Limit
	closed chan struct{}
	once   sync.Once

	// Of Accept, which one server calls at a time.
	failing int // accepts since the last line about them
	said    time.Time
}

// Accept returns the next connection once there is room for it.
func (l *listener) Accept() (net.Conn, error) {
	for wait := firstWait; ; {
		inner, err := l.Listener.Accept()
		if err == nil {
			return l.admit(inner)
		}
		if errors.Is(err, net.ErrClosed) || l.over() {
			return nil, err //nolint:wrapcheck // the server knows it
		}
		l.failed(err)
		if l.limit.giveWay() { // when files have run out, that is one
			wait = firstWait
		}
		select {
		case <-time.After(wait):
		case <-l.closed:
		}
		wait = min(2*wait, longestWait)
	}
}

func (l *listener) admit(inner net.Conn) (net.Conn, error) {
	c := &conn{Conn: inner, limit: l.limit}
	c.quiet.Store(true)
	if !l.limit.admit(c, l.over) {
		_ = inner.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *listener) over() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// failed logs that connections cannot be accepted.
func (l *listener) failed(err error) {
	l.failing++
	if now := time.Now(); now.Sub(l.said) >= sayAgain {
		l.limit.log.Warn("connections cannot be accepted",
			slog.String("listen", l.Addr().String()), slog.Int("failures", l.failing), slog.Any("error", err))
		l.said, l.failing = now, 0
	}
}

// Close ends the listener and whoever waits in Accept.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { close(l.closed) })
	l.limit.mu.Lock()
	l.limit.freed.Broadcast()
	l.limit.mu.Unlock()
	return err //nolint:wrapcheck // as the listener says
}
