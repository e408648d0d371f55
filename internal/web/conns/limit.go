package conns

import (
	"container/list"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Options say what a [Limit] allows.
type Options struct {
	Max    int          // connections; 0 = [Most]
	Logger *slog.Logger // nil: none
}

// Limit bounds the connections of all its listeners together. Its methods may
// be called concurrently.
type Limit struct {
	most int
	log  *slog.Logger

	mu    sync.Mutex
	freed *sync.Cond // a connection has gone or may give way now
	open  int
	// Who gives way, the longest in its state first.
	idle, unverified list.List // of *conn
}

// New returns a limit that holds no connection yet.
func New(o Options) *Limit {
	l := &Limit{most: o.Max, log: o.Logger}
	if l.most <= 0 {
		l.most = Most()
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.freed = sync.NewCond(&l.mu)
	return l
}

// Open returns how many connections there are.
func (l *Limit) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Context is the ConnContext of an [http.Server] on one of the listeners: it
// lets [Verified] find the connection of a request.
func (l *Limit) Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// State is the ConnState of an [http.Server] on one of the listeners.
func (l *Limit) State(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		c.busy()
	case http.StateIdle:
		c.settle(&l.idle)
	case http.StateNew, http.StateHijacked, http.StateClosed: // idle from the start; Close tells the rest
	}
}

type contextKey struct{}

// Verified says that the request with this context is genuine or carries a
// token: its connection gives way to no other until it is answered.
func Verified(ctx context.Context) {
	if c, ok := ctx.Value(contextKey{}).(*conn); ok {
		c.settle(nil)
	}
}

// admit counts c, and makes room for it. It reports whether there is any before
// closed says that the listener has ended.
func (l *Limit) admit(c *conn, closed func() bool) bool {
	l.mu.Lock()
	var leaving *conn
	for l.open >= l.most && leaving == nil {
		if closed() {
			l.mu.Unlock()
			return false
		}
		if leaving = l.longest(); leaving == nil {
			l.freed.Wait()
		}
	}
	if leaving != nil {
		l.forget(leaving)
	}
	l.open++
	c.place, c.in = l.idle.PushBack(c), &l.idle
	l.mu.Unlock()
	if leaving != nil {
		_ = leaving.Conn.Close() // its server learns of it by reading or writing
	}
	return true
}

// giveWay closes the connection that is to give way, if there is one.
func (l *Limit) giveWay() bool {
	l.mu.Lock()
	leaving := l.longest()
	if leaving != nil {
		l.forget(leaving)
	}
	l.mu.Unlock()
	if leaving == nil {
		return false
	}
	_ = leaving.Conn.Close()
	return true
}

// longest returns the connection that is the next to give way, or nil.
func (l *Limit) longest() *conn {
	for _, in := range []*list.List{&l.idle, &l.unverified} {
		if first := in.Front(); first != nil {
			c, _ := first.Value.(*conn)
			return c
		}
	}
	return nil
}

// forget stops counting c. It may be called again.
func (l *Limit) forget(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	l.move(c, nil)
	l.open--
	l.freed.Broadcast()
}

// move puts c at the end of a list, or with nil in none.
func (l *Limit) move(c *conn, to *list.List) {
	if c.in != nil {
		c.in.Remove(c.place)
	}
	if c.in = to; to != nil {
		c.place = to.PushBack(c)
		l.freed.Broadcast()
	}
}
