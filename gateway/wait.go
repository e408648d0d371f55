package gateway

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// Wait returns when the reply to an accepted event exists or the event is
// final, or with ctx's error. onDelta, which may be nil, is called with the
// pieces of the reply as they come, and with what is left of it at the end: all
// of it when another replica answers, or the reply was faster than the call.
func (g *Gateway) Wait(ctx context.Context, a inbox.Accepted, onDelta func(text string)) (Status, error) {
	s, leave := g.hub.subscribe(a.ID, onDelta != nil)
	defer leave()
	poll := time.NewTicker(waitPoll)
	defer poll.Stop()
	for look := true; ; {
		if look {
			status, err := g.statusOf(ctx, a.ID)
			if err != nil {
				return Status{}, err
			}
			look = flush(s, onDelta)
			handRest(s, status.Reply, onDelta)
			if status.Reply != nil || status.Final() {
				return answered(status), nil
			}
			if look { // it changed while we looked
				continue
			}
		}
		select {
		case <-ctx.Done():
			return Status{}, ctx.Err()
		case <-s.wake:
			look = flush(s, onDelta)
		case <-poll.C:
			look = true
		}
	}
}

// flush hands out what is new of the reply and reports whether the event's
// state has changed.
func flush(s *subscription, onDelta func(string)) (changed bool) {
	text, changed := s.next()
	if text != "" && onDelta != nil {
		onDelta(text)
	}
	return changed
}

// handRest hands out what is left of the reply once there is one.
func handRest(s *subscription, reply *Reply, onDelta func(string)) {
	if reply == nil || onDelta == nil {
		return
	}
	if text := s.rest(reply.Text); text != "" {
		onDelta(text)
	}
}

// answered is the status for somebody who waits for the reply here: it is
// complete once the reply exists, whatever else it is still to be sent to.
func answered(s Status) Status {
	if s.Reply != nil {
		s.Status = StatusCompleted
	}
	return s
}

// Status returns the state of an event by its platform and the platform's id
// of it. It is for platforms without tenants.
func (g *Gateway) Status(ctx context.Context, platform, eventID string) (Status, error) {
	e, err := g.o.Inbox.Find(ctx, &platforms.Event{Platform: platform, ID: eventID})
	if err != nil {
		return Status{}, err
	}
	return g.status(ctx, &e)
}

func (g *Gateway) statusOf(ctx context.Context, id int64) (Status, error) {
	e, err := g.o.Inbox.Get(ctx, id)
	if err != nil {
		return Status{}, err
	}
	return g.status(ctx, &e)
}

func (g *Gateway) status(ctx context.Context, e *inbox.Event) (Status, error) {
	s := Status{EventID: e.Event.ID, UserKey: e.Event.UserKey(), Status: statusName(e.State)}
	var d *outbox.Delivery
	if e.DeliveryID != 0 {
		var err error
		d, err = g.o.Outbox.Get(ctx, e.DeliveryID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Status{}, failure.New(failure.Unavailable, "database_unavailable", "the state cannot be read now", err)
		}
	}
	if d != nil && d.Outcome == outbox.Sent {
		s.Reply = &Reply{Text: d.Text, MessageID: d.MessageID, Tokens: d.Tokens}
	}
	switch e.State {
	case inbox.Ignored:
		s.Error = &StatusError{Code: "ignored", Message: e.Error}
	case inbox.Failed, inbox.Dead, inbox.Discarded:
		s.Error = &StatusError{Code: codeOf(e), Message: g.sentence(ctx, e, d)}
	case inbox.Received, inbox.Running, inbox.Sent:
	}
	return s, nil
}

func statusName(s inbox.State) string {
	switch s {
	case inbox.Running:
		return StatusRunning
	case inbox.Sent:
		return StatusCompleted
	case inbox.Ignored:
		return StatusIgnored
	case inbox.Failed:
		return StatusFailed
	case inbox.Dead, inbox.Discarded:
		return StatusDead
	case inbox.Received:
	}
	return StatusAccepted
}

// codeOf is the code at the start of an event's error, which reads "code: text".
func codeOf(e *inbox.Event) string {
	code, _, _ := strings.Cut(e.Error, ":")
	if code == "" || strings.ContainsAny(code, " \t") {
		return string(e.State)
	}
	return code
}

// sentence says why there is no reply, without the internals that the ledger holds.
func (g *Gateway) sentence(ctx context.Context, e *inbox.Event, d *outbox.Delivery) string {
	key := "status.dead"
	switch {
	case e.State == inbox.Failed:
		key = "status.failed"
	case d != nil && d.Outcome == outbox.Dead:
		return d.Text
	case e.State == inbox.Discarded:
		key = "status.discarded"
	case d != nil:
		key = "status.undelivered"
	}
	return g.o.Voice(ctx, &e.Event).Say(key)
}

// The states that a program sees of an event (see the generic platform).
const (
	StatusAccepted  = "accepted"
	StatusRunning   = "running"
	StatusCompleted = "completed"
	StatusIgnored   = "ignored"
	StatusFailed    = "failed" // will be tried again
	StatusDead      = "dead"
)

// Status is what a program may know of an event.
type Status struct {
	EventID string       `json:"event_id"`
	UserKey string       `json:"user_key"`
	Status  string       `json:"status"`
	Reply   *Reply       `json:"reply"`
	Error   *StatusError `json:"error"`
}

// Reply is the answer to an event.
type Reply struct {
	Text      string `json:"text"`
	MessageID int64  `json:"message_id"` // in its conversation; 0 when the answer is not kept
	Tokens    int64  `json:"tokens"`     // of the completion
}

// StatusError says in one plain sentence why there is no reply.
type StatusError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Final reports whether the status changes no more by itself.
func (s Status) Final() bool {
	switch s.Status {
	case StatusCompleted, StatusIgnored, StatusDead:
		return true
	}
	return false
}

// Late completes the answer to what was accepted, where its platform wants to
// answer with what became of it.
func (g *Gateway) Late(ctx context.Context, in *platforms.Inbound, accepted []inbox.Accepted) {
	if in.Late == nil || len(accepted) == 0 {
		return
	}
	waiting, settled := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() {
		defer settled()
		g.settle(waiting, accepted[0].ID)
	})
	in.Answer = in.Late(waiting)
	settled()
	looking.Wait()
}

// settle returns when an event is at its end, a model begins to answer it, or ctx
// ends.
func (g *Gateway) settle(ctx context.Context, id int64) {
	s, leave := g.hub.subscribe(id, false)
	defer leave()
	poll := time.NewTicker(waitPoll)
	defer poll.Stop()
	for {
		ended, err := g.o.Inbox.Ended(ctx, []int64{id})
		if err != nil || len(ended) > 0 || s.isBegun() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-poll.C:
		}
	}
}
