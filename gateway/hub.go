package gateway

import (
	"context"
	"strings"
	"sync"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
)

// hub tells those who wait in this process what happens to events. It only
// wakes: what is true is in the database.
type hub struct {
	mu   sync.Mutex
	subs map[int64]map[*subscription]struct{}
}

func newHub() *hub { return &hub{subs: map[int64]map[*subscription]struct{}{}} }

// subscription hears of one event.
type subscription struct {
	wake    chan struct{} // something new; holds one token
	streams bool          // somebody sees the reply grow

	mu      sync.Mutex
	current strings.Builder // the running attempt's reply so far
	shown   string          // what has been handed out
	grown   bool            // some of it in the running attempt
	begun   bool            // a model has begun to answer
	changed bool            // the database knows something new
}

func (h *hub) subscribe(id int64, streams bool) (s *subscription, leave func()) {
	s = &subscription{wake: make(chan struct{}, 1), streams: streams}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs[id] == nil {
		h.subs[id] = map[*subscription]struct{}{}
	}
	h.subs[id][s] = struct{}{}
	return s, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs[id], s)
		if len(h.subs[id]) == 0 {
			delete(h.subs, id)
		}
	}
}

func (h *hub) each(ids []int64, do func(*subscription)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		for s := range h.subs[id] {
			do(s)
			select {
			case s.wake <- struct{}{}:
			default:
			}
		}
	}
}

// audience is who in this process sees the reply to some events grow.
type audience struct {
	hub *hub
	ids []int64
}

// Begin implements [turn.Audience].
func (a audience) Begin(context.Context) {
	a.hub.each(a.ids, func(s *subscription) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current.Reset()
		s.grown = false
	})
}

// Stop implements [turn.Audience].
func (a audience) Stop() (shown string) {
	a.hub.each(a.ids, func(s *subscription) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.streams && s.grown && len(s.shown) > len(shown) {
			shown = s.shown
		}
		s.current.Reset()
	})
	return shown
}

// Delta implements [turn.Audience].
func (a audience) Delta(text string) {
	a.hub.each(a.ids, func(s *subscription) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current.WriteString(text)
		s.begun = true
	})
}

// changed tells that the state of events has changed in the database.
func (h *hub) changed(ids []int64) {
	h.each(ids, func(s *subscription) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed = true
	})
}

// next returns what is new of the reply, and whether the event's state has
// changed since the last call. After a failed attempt the next one starts
// anew: as long as it says the same nothing is repeated, and when it says
// something else nothing more is handed out before the end.
func (s *subscription) next() (fresh string, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed, s.changed = s.changed, false
	text := s.current.String()
	if len(text) <= len(s.shown) || !strings.HasPrefix(text, s.shown) {
		return "", changed
	}
	fresh = text[len(s.shown):]
	s.shown, s.grown = text, true
	return fresh, changed
}

// isBegun reports whether a model has begun to answer.
func (s *subscription) isBegun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// rest returns what has not been handed out of the reply as it is now known to
// be; nothing when it says something else than what was.
func (s *subscription) rest(reply string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh, ok := strings.CutPrefix(reply, s.shown)
	if !ok {
		return ""
	}
	s.shown = reply
	return fresh
}

// both are two audiences of one reply.
type both [2]turn.Audience

// Begin implements [turn.Audience].
func (b both) Begin(ctx context.Context) {
	for _, a := range b {
		a.Begin(ctx)
	}
}

// Delta implements [turn.Audience].
func (b both) Delta(text string) {
	for _, a := range b {
		a.Delta(text)
	}
}

// Stop implements [turn.Audience]. Of what the two have seen one is the
// beginning of the other.
func (b both) Stop() (shown string) {
	for _, a := range b {
		if text := a.Stop(); len(text) > len(shown) {
			shown = text
		}
	}
	return shown
}

// Audience returns who sees the reply to w grow: in this process and, where the
// platform can change a message, in the chat.
func (g *Gateway) Audience(w *inbox.Work) turn.Audience {
	here := audience{g.hub, w.IDs()}
	first, last := &w.Events[0], &w.Events[len(w.Events)-1]
	d := &outbox.Delivery{ID: first.ID, LaneKey: g.o.Inbox.Lane(&first.Event), Platform: first.Event.Platform, Address: last.Event.ReplyTo}
	for i := range w.Events {
		d.EventIDs = append(d.EventIDs, w.Events[i].Event.ID)
	}
	hold := func(ctx context.Context, tx database.Tx) error { return g.o.Inbox.HoldTx(ctx, tx, w) }
	draft := g.o.Outbox.Draft(d, inbox.EventKey(&first.Event), hold, w.Lease.Left)
	if draft == nil {
		return here
	}
	return both{here, draft}
}

// Changed tells those who wait in this process that the state of events has
// changed in the database.
func (g *Gateway) Changed(eventIDs []int64) { g.hub.changed(eventIDs) }
