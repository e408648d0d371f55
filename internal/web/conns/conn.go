package conns

import (
	"container/list"
	"net"
	"sync/atomic"
)

// conn is a connection that is counted.
type conn struct {
	net.Conn

	limit *Limit
	quiet atomic.Bool // it is idle; the next byte changes that

	// Guarded by limit.mu.
	in    *list.List // nil: verified, or gone
	place *list.Element
	gone  bool
}

// Read notes that a request begins.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.quiet.Load() {
		c.busy()
	}
	return n, err //nolint:wrapcheck // io.EOF must stay io.EOF
}

// busy makes an idle connection an unverified one.
func (c *conn) busy() {
	if c.quiet.CompareAndSwap(true, false) {
		c.settle(&c.limit.unverified)
	}
}

// settle puts the connection at the end of a list; nil: it gives way to nobody.
func (c *conn) settle(in *list.List) {
	l := c.limit
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.gone {
		return
	}
	c.quiet.Store(in == &l.idle)
	l.move(c, in)
}

// Close closes the connection and gives its place to another.
func (c *conn) Close() error {
	c.limit.mu.Lock()
	c.limit.forget(c)
	c.limit.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // as the connection says
}

// CloseWrite lets the other side read the answer before the connection is
// closed under what it still sends.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() //nolint:wrapcheck // as the connection says
	}
	return nil
}
