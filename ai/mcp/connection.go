package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parley-bot/parley/ai/pins"
)

const (
	openTime  = 30 * time.Second // for connecting and the first look at the tools
	lookTime  = 15 * time.Second // for a further look
	lookEvery = time.Minute
	callWait  = 10 * time.Second // for a call that finds its server connecting
	firstWait = time.Second      // before connecting again; doubled each time
	longWait  = time.Minute      // the longest wait; who was connected so long starts anew
)

// errNotTried is why a server is not connected that nobody has tried to connect to.
var errNotTried = errors.New("not connected yet")

// connection is one server, whether it is there or not.
type connection struct {
	name   string
	server Server
	o      Options
	again  chan struct{} // somebody waits for it to connect

	mu      sync.Mutex
	changed chan struct{} // closed when what follows changes
	session *session      // nil: not connected
	fault   error         // why not
	looked  bool          // tried once, well or badly
	pins    map[string]string
	waiting []string // names of tools that wait to be approved
}

func newConnection(name string, server Server, o Options) *connection {
	o.Logger = o.Logger.With(slog.String("server", name))
	return &connection{
		name: name, server: server, o: o, again: make(chan struct{}, 1), changed: make(chan struct{}), fault: errNotTried,
	}
}

// run stays connected until ctx ends.
func (c *connection) run(ctx context.Context) {
	wait, legacy := firstWait, false
	for ctx.Err() == nil {
		begun := time.Now()
		s, err := c.open(ctx, legacy)
		if err != nil {
			// A server that is silent, or ends, where it should refuse what it does not know
			// is asked in the older way the next time.
			legacy = !legacy
		} else {
			c.o.Logger.InfoContext(ctx, "connected to a tool server", slog.Int("tools", len(s.tools)))
			err = c.stay(ctx, s)
			s.close()
		}
		if ctx.Err() != nil {
			return
		}
		c.lost(ctx, err)
		if time.Since(begun) >= longWait {
			wait = firstWait
		}
		c.pause(ctx, wait)
		wait = min(2*wait, longWait)
	}
}

// open connects and looks at the tools.
func (c *connection) open(ctx context.Context, legacy bool) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	s, err := dial(ctx, c.name, c.server, dialOptions{version: c.o.Version, legacy: legacy, logger: c.o.Logger})
	if err != nil {
		return nil, err
	}
	if err := c.look(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	c.set(func() { c.session, c.fault, c.looked = s, nil, true })
	return s, nil
}

// stay looks at the tools again whenever they may have changed, and returns why the
// session has ended.
func (c *connection) stay(ctx context.Context, s *session) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		doubt := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return s.why()
		case <-s.doubted:
			doubt = true
		case <-s.listChanged:
		case <-tick.C:
		}
		if !doubt && s.calls.Load() > 0 {
			continue // it may do one thing at a time
		}
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, lookTime)
			defer cancel()
			return c.look(ctx, s)
		}()
		if err != nil {
			return err
		}
	}
}

// look reads what the server has, and has it pinned.
func (c *connection) look(ctx context.Context, s *session) error {
	faults := s.faults.Load()
	tools, err := s.list(ctx)
	if err != nil {
		return err
	}
	waiting, err := c.o.Pins.See(ctx, c.name, tools)
	if err != nil {
		return fmt.Errorf("the tools cannot be looked up in the database: %w", err)
	}
	has := map[string]string{}
	for i := range tools {
		has[tools[i].Name] = tools[i].Pin()
	}
	c.mu.Lock()
	news := len(waiting) > 0 && !slices.Equal(waiting, c.waiting)
	c.mu.Unlock()
	c.set(func() {
		c.pins, c.waiting = has, waiting
		s.faults.CompareAndSwap(faults, 0)
	})
	if news {
		c.o.Logger.WarnContext(ctx, "tools are off because they are new or have changed; review them with parley tools list, allow them with parley tools approve",
			slog.Any("tools", waiting))
	}
	return nil
}

// set changes what is guarded by mu, and tells those who wait.
func (c *connection) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

// lost notes why there is no session, and logs a reason that is new.
func (c *connection) lost(ctx context.Context, err error) {
	c.mu.Lock()
	same := c.fault != nil && c.fault.Error() == err.Error()
	c.mu.Unlock()
	c.set(func() { c.session, c.fault, c.looked = nil, err, true })
	if !same {
		c.o.Logger.WarnContext(ctx, "a tool server is not available; it will be tried again", slog.Any("error", err))
	}
}

// pause waits before connecting again, no longer than the first time where somebody
// needs the server.
func (c *connection) pause(ctx context.Context, wait time.Duration) {
	sleep(ctx, firstWait, nil)
	sleep(ctx, wait-firstWait, c.again)
}

func sleep(ctx context.Context, d time.Duration, enough <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-enough:
	}
}

// has reports whether models may use an approved tool: whether the configuration
// allows it, and its server, when it was last looked at, had it just as it was approved.
func (c *connection) has(t *pins.Tool) bool {
	if len(c.server.Allow) > 0 && !matches(c.server.Allow, t.Name) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pins == nil || c.pins[t.Name] == t.Pin()
}

// awaitLook waits until the server was tried once.
func (c *connection) awaitLook(ctx context.Context) {
	for {
		c.mu.Lock()
		looked, changed := c.looked, c.changed
		c.mu.Unlock()
		if looked {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// connected returns the session, and waits a little for one.
func (c *connection) connected(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	for {
		c.mu.Lock()
		s, fault, changed := c.session, c.fault, c.changed
		c.mu.Unlock()
		if s != nil && s.usable() {
			return s, nil
		}
		select {
		case c.again <- struct{}{}:
		default:
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("it is not connected: %w", cmp.Or(fault, ctx.Err()))
		case <-changed:
		}
	}
}
