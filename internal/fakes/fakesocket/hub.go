// Package fakesocket is what the fakes of platforms that deliver over
// websockets have in common: deliveries that go to any one connection, and
// again to another when they were not acknowledged.
package fakesocket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Delivery is something that a client has to acknowledge.
type Delivery struct {
	ID string
	// Frames returns the messages of one attempt, from 1.
	Frames func(attempt int) [][]byte
}

// Protocol is what a platform's fake makes of connections.
type Protocol struct {
	Kind  int                     // of messages: websocket.TextMessage or BinaryMessage
	Hello func(c *Conn)           // is called when a connection is there; may be nil
	Read  func(c *Conn, b []byte) // is called with each message of the client
	Ping  time.Duration           // between pings of the websocket; 0: none
	Again time.Duration           // without an acknowledgement until a delivery comes again; 0: 30 s
}

// Hub holds connections and deliveries. It is safe for concurrent use.
type Hub struct {
	p Protocol

	mu      sync.Mutex
	changed chan struct{}
	conns   []*Conn
	next    int // whose turn it is to get a delivery
	waiting []*held
	opened  int // connections so far
	acked   map[string]int
	again   int // attempts beyond the first
	tries   map[string][]Try
	serving sync.WaitGroup
	closed  bool
}

// Try is one attempt to deliver.
type Try struct {
	At   time.Time
	Conn int // which connection it went to, from 1
}

type held struct {
	Delivery

	attempt int
	on      *Conn // nil: on none
	since   time.Time
}

// Conn is one connection of a client.
type Conn struct {
	ws    *websocket.Conn
	write sync.Mutex
	kind  int
	no    int // from 1; under the hub's lock

	due [][]byte // what is to be sent, oldest first; under the hub's lock
}

// New returns a hub without connections.
func New(p Protocol) *Hub {
	if p.Again == 0 {
		p.Again = 30 * time.Second
	}
	return &Hub{p: p, changed: make(chan struct{}), acked: map[string]int{}, tries: map[string][]Try{}}
}

// Send writes one message. The client may be gone.
func (c *Conn) Send(message []byte) {
	c.write.Lock()
	defer c.write.Unlock()
	c.send(message)
}

// send is Send of who holds the lock.
func (c *Conn) send(message []byte) {
	_ = c.ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = c.ws.WriteMessage(c.kind, message)
}

// Serve makes a connection of a request and serves it to its end.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &Conn{ws: ws, kind: h.p.Kind}
	if !h.join(c) {
		_ = ws.Close()
		return
	}
	defer h.serving.Done()
	gone := make(chan struct{})
	var helpers sync.WaitGroup
	helpers.Go(func() { h.tick(c, gone) })
	for {
		_, message, err := ws.ReadMessage()
		if err != nil {
			break
		}
		h.p.Read(c, message)
	}
	close(gone)
	_ = ws.Close()
	h.leave(c)
	helpers.Wait()
}

func (h *Hub) join(c *Conn) bool {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return false
	}
	h.serving.Add(1)
	h.opened++
	c.no = h.opened
	h.mu.Unlock()
	if h.p.Hello != nil {
		h.p.Hello(c)
	}
	h.mu.Lock()
	h.conns = append(h.conns, c)
	h.mu.Unlock()
	h.update(nil)
	return true
}

func (h *Hub) leave(c *Conn) {
	h.update(func() {
		h.conns = slices.DeleteFunc(h.conns, func(other *Conn) bool { return other == c })
		for _, d := range h.waiting {
			if d.on == c {
				d.on = nil
			}
		}
	})
}

// tick pings, and sends again what was not acknowledged.
func (h *Hub) tick(c *Conn, gone <-chan struct{}) {
	every := h.p.Again / 4
	if h.p.Ping > 0 {
		every = min(every, h.p.Ping)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
		}
		if h.p.Ping > 0 {
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		}
		h.update(func() {
			for _, d := range h.waiting {
				if d.on == c && time.Since(d.since) > h.p.Again {
					d.on = nil
				}
			}
		})
	}
}

// update changes the state, gives out what is on no connection, and wakes who waits.
func (h *Hub) update(change func()) {
	var out []*Conn
	h.mu.Lock()
	if change != nil {
		change()
	}
	for _, d := range h.waiting {
		if d.on != nil || len(h.conns) == 0 {
			continue
		}
		h.next++
		d.on, d.since, d.attempt = h.conns[h.next%len(h.conns)], time.Now(), d.attempt+1
		h.tries[d.ID] = append(h.tries[d.ID], Try{At: d.since, Conn: d.on.no})
		if d.attempt > 1 {
			h.again++
		}
		out = append(out, d.on)
		d.on.due = append(d.on.due, d.Frames(d.attempt)...)
	}
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	for _, c := range out {
		h.flush(c)
	}
}

// flush sends what is due on a connection, in its order whoever else does so.
func (h *Hub) flush(c *Conn) {
	c.write.Lock()
	defer c.write.Unlock()
	h.mu.Lock()
	due := c.due
	c.due = nil
	h.mu.Unlock()
	for _, frame := range due {
		c.send(frame)
	}
}

// Deliver gives a delivery to any one connection, as soon as there is one.
func (h *Hub) Deliver(d Delivery) {
	h.update(func() { h.waiting = append(h.waiting, &held{Delivery: d}) })
}

// Acknowledge ends a delivery.
func (h *Hub) Acknowledge(id string) {
	h.update(func() {
		h.acked[id]++
		h.waiting = slices.DeleteFunc(h.waiting, func(d *held) bool { return d.ID == id })
	})
}

// Acknowledged returns how often a delivery was acknowledged.
func (h *Hub) Acknowledged(id string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acked[id]
}

// Tries returns when a delivery was sent, and where to.
func (h *Hub) Tries(id string) []Try {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tries[id])
}

// Again returns how many deliveries came more than once.
func (h *Hub) Again() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.again
}

// Opened returns how many connections there have been, and how many there are.
func (h *Hub) Opened() (ever, now int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.opened, len(h.conns)
}

// WaitOpened returns once there are n connections at the same time.
func (h *Hub) WaitOpened(ctx context.Context, n int) error {
	return h.wait(ctx, "connections", func() bool { return len(h.conns) >= n })
}

// WaitClosed returns once there is no connection.
func (h *Hub) WaitClosed(ctx context.Context) error {
	return h.wait(ctx, "the end of connections", func() bool { return len(h.conns) == 0 })
}

// WaitAgain returns once something was delivered again.
func (h *Hub) WaitAgain(ctx context.Context) error {
	return h.wait(ctx, "a repeat", func() bool { return h.again > 0 })
}

// WaitEver returns once n connections were opened, of which some may have ended.
func (h *Hub) WaitEver(ctx context.Context, n int) error {
	return h.wait(ctx, "further connections", func() bool { return h.opened >= n })
}

// WaitAcknowledged returns once nothing waits for its acknowledgement and n
// deliveries have theirs.
func (h *Hub) WaitAcknowledged(ctx context.Context, n int) error {
	return h.wait(ctx, "acknowledgements", func() bool { return len(h.acked) >= n && len(h.waiting) == 0 })
}

func (h *Hub) wait(ctx context.Context, what string, reached func() bool) error {
	for {
		h.mu.Lock()
		ok, changed, state := reached(), h.changed, fmt.Sprintf("%d connections, %d acknowledged, %d waiting", len(h.conns), len(h.acked), len(h.waiting))
		h.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (%s)", what, ctx.Err(), state)
		}
	}
}

// Each calls do with every connection.
func (h *Hub) Each(do func(c *Conn)) {
	h.mu.Lock()
	all := slices.Clone(h.conns)
	h.mu.Unlock()
	for _, c := range all {
		do(c)
	}
}

// Cut breaks every connection without a word.
func (h *Hub) Cut() { h.Each(func(c *Conn) { _ = c.ws.NetConn().Close() }) }

// Close ends every connection and takes no more. It may be called twice.
func (h *Hub) Close() error {
	h.update(func() { h.closed = true })
	var err error
	h.Each(func(c *Conn) { err = errors.Join(err, c.ws.Close()) })
	h.serving.Wait()
	return err
}
