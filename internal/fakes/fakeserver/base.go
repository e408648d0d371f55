// Package fakeserver is what the fake servers have in common: a port of
// 127.0.0.1, a state whose changes can be waited for, and an orderly end.
package fakeserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// ErrClosed is returned by [Base.Wait] once the server is closed.
var ErrClosed = errors.New("the fake is closed")

// Base is one server. It is a field of a fake, whose state it guards.
type Base struct {
	sync.Mutex // of the fake's state

	url      string // set before anything is served
	http     *http.Server
	serving  sync.WaitGroup // the accept loop and every request
	stop     sync.Once
	stopping chan struct{}
	changed  chan struct{} // closed and renewed by every change
	closed   bool
}

// New returns a server that does not listen yet.
func New() *Base {
	return &Base{stopping: make(chan struct{}), changed: make(chan struct{})}
}

// Start listens on a port that the kernel chooses. connState may be nil: see [http.Server].
func (b *Base) Start(handler http.Handler, connState func(net.Conn, http.ConnState)) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("fake server: %w", err)
	}
	b.url = "http://" + listener.Addr().String()
	b.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ConnState: connState}
	b.serving.Go(func() { _ = b.http.Serve(listener) }) // ends with Close
	return nil
}

// URL returns where the server listens, without a slash after it.
func (b *Base) URL() string { return b.url }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (b *Base) Close() {
	b.stop.Do(func() {
		b.Update(func() { b.closed = true })
		close(b.stopping)
		_ = b.http.Close()
	})
	b.serving.Wait()
}

// Stopping is closed when the server is being closed.
func (b *Base) Stopping() <-chan struct{} { return b.stopping }

// Enter counts a request that Close waits for, until Leave; false once the
// server is closed.
func (b *Base) Enter() bool {
	b.Lock()
	defer b.Unlock()
	if b.closed {
		return false
	}
	b.serving.Add(1)
	return true
}

// Leave ends what Enter began.
func (b *Base) Leave() { b.serving.Done() }

// Update changes the state and wakes who waits for it.
func (b *Base) Update(change func()) {
	b.Lock()
	defer b.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

// Wait returns once reached, which runs under the lock, is true. Its error is
// that of ctx, or ErrClosed.
func (b *Base) Wait(ctx context.Context, reached func() bool) error {
	for {
		b.Lock()
		ok, closed, changed := reached(), b.closed, b.changed
		b.Unlock()
		switch {
		case ok:
			return nil
		case closed:
			return ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
