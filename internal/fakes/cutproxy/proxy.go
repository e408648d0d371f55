// Package cutproxy is a TCP proxy that cuts connections where a test wants it:
// when a client sends certain bytes, before or after the server has got them.
package cutproxy

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
)

// Moment says where in an exchange a connection is cut.
type Moment int

// The moments.
const (
	BeforeServer Moment = iota // the server never gets the bytes
	BeforeClient               // the server gets the bytes and answers; the client never gets the answer
)

// Proxy forwards connections to one server.
type Proxy struct {
	target   string
	listener net.Listener
	work     sync.WaitGroup

	mu    sync.Mutex
	open  map[*link]bool
	rule  *rule
	every int // cut each connection after so many pieces; 0 = never
	cuts  int
}

// rule is what the next connection is cut at.
type rule struct {
	at   func(sent string) bool
	when Moment
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	pieces         int
	swallow        bool // cut instead of handing the server's answer on
}

// New starts a proxy to target, host:port, on a port of its own. It ends with the test.
func New(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{target: target, listener: listener, open: map[*link]bool{}}
	p.work.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr is where clients connect to, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// CutAt cuts the next connection whose client sends a piece for which at is
// true. A client writes small messages in one piece; at gets it in lower case.
func (p *Proxy) CutAt(at func(sent string) bool, when Moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = &rule{at, when}
}

// CutEvery cuts each connection after its client has sent n pieces; 0 ends that.
func (p *Proxy) CutEvery(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every = n
}

// Cuts returns how many connections were cut by a rule.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		p.mu.Lock()
		p.open[l] = true
		p.mu.Unlock()
		p.work.Go(func() { p.up(l) })
		p.work.Go(func() { p.down(l) })
	}
}

// up hands on what the client sends.
func (p *Proxy) up(l *link) {
	defer p.end(l)
	buf := make([]byte, 1<<16)
	for {
		n, err := l.client.Read(buf)
		if n > 0 && p.cutNow(l, buf[:n]) {
			return
		}
		if _, failed := l.server.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

// cutNow applies the rules to one piece and reports whether it goes no further.
func (p *Proxy) cutNow(l *link, piece []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.pieces++
	if p.every > 0 && l.pieces >= p.every {
		p.cuts++
		return true
	}
	if p.rule == nil || !p.rule.at(string(bytes.ToLower(piece))) {
		return false
	}
	when := p.rule.when
	p.rule = nil
	p.cuts++
	l.swallow = when == BeforeClient
	return when == BeforeServer
}

// down hands on what the server answers.
func (p *Proxy) down(l *link) {
	defer p.end(l)
	buf := make([]byte, 1<<16)
	for {
		n, err := l.server.Read(buf)
		if n > 0 && p.swallows(l) {
			return
		}
		if _, failed := l.client.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (p *Proxy) swallows(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.swallow
}

// end closes both sides of a connection.
func (p *Proxy) end(l *link) {
	_ = l.client.Close()
	_ = l.server.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, l)
}

// close ends the proxy with all its connections.
func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for l := range p.open {
		_ = l.client.Close()
		_ = l.server.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}
