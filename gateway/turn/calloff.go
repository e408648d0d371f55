package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
)

// calls are what is being made in this process and may be called off, by event.
type calls struct {
	mu sync.Mutex
	by map[int64]context.CancelCauseFunc
}

// watch returns a context that ends when one of some events is called off. done
// ends the watch.
func (c *calls) watch(ctx context.Context, ids []int64) (watched context.Context, done func()) {
	watched, cancel := context.WithCancelCause(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[int64]context.CancelCauseFunc{}
	}
	for _, id := range ids {
		c.by[id] = cancel
	}
	return watched, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, id := range ids {
			delete(c.by, id)
		}
		cancel(nil)
	}
}

// Asking returns the events for which a model is being asked.
func (r *Runner) Asking() []int64 {
	r.calls.mu.Lock()
	defer r.calls.mu.Unlock()
	ids := make([]int64, 0, len(r.calls.by))
	for id := range r.calls.by {
		ids = append(ids, id)
	}
	return ids
}

// CallOff ends the model's call for an event, if there is one in this process.
func (r *Runner) CallOff(id int64, why inbox.Signal) {
	r.calls.mu.Lock()
	defer r.calls.mu.Unlock()
	cancel := r.calls.by[id]
	switch {
	case cancel == nil:
	case why == inbox.Retracted:
		cancel(inbox.ErrRetracted)
	case why == inbox.Stopped:
		cancel(errStopped)
	}
}

// errStopped ends a model's call because nobody wants more of the reply.
var errStopped = errors.New("stopped before anything was shown")

// isCalledOff reports whether a model's call ended because it was called off.
func isCalledOff(cause error) bool {
	return errors.Is(cause, errInterrupted) || errors.Is(cause, inbox.ErrRetracted) || errors.Is(cause, errStopped)
}

// stopped makes what was shown of a reply the reply.
func (r *Runner) stopped(t *task) (reply, error) {
	shown := t.audience.Stop()
	if shown == "" {
		return reply{}, errStopped
	}
	return reply{
		outcome: outbox.Sent, cut: true, text: shown, detail: "stopped; the reply ends where it was stopped",
		user: r.userMessages(t),
		bot:  append(r.used(t, saidStopped), r.half(t, shown)),
	}, nil
}

// half is what was shown of a reply that was stopped.
func (r *Runner) half(t *task, shown string) conversation.Message {
	m := conversation.Message{
		Role: conversation.RoleAssistant, Content: shown, Tokens: r.o.Counter.Count(shown),
		Metadata: map[string]any{message.MetaInterrupted: true},
	}
	mark(&m, t.foreign)
	return m
}

// unseen ends what was stopped before the chat has seen anything of it.
func (r *Runner) unseen(ctx context.Context, w *inbox.Work) error {
	ctx = context.WithoutCancel(ctx)
	if err := r.withdraw(ctx, w); err != nil {
		return err
	}
	why := errStopped.Error()
	return r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := (Table{r.o.DB}).quietTx(ctx, tx, w.IDs()); err != nil {
			return err
		}
		return r.o.Inbox.DoneTx(ctx, tx, w, inbox.End{State: inbox.Ignored, Reason: why, Detail: why, Tries: w.Tries})
	})
}

// retracted ends what was taken back, with whatever was kept of it, and puts the
// rest back to be answered anew. What has grown in the chat is taken away; other
// messages that it was shown, or may have been, stay.
func (r *Runner) retracted(ctx context.Context, w *inbox.Work) error {
	ctx = context.WithoutCancel(ctx)
	conv, kept, err := r.keptOf(ctx, w)
	if err != nil {
		return err
	}
	if err := r.withdraw(ctx, w); err != nil {
		return err
	}
	err = r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := r.o.Inbox.RetractedTx(ctx, tx, w); err != nil {
			return err
		}
		if err := r.o.Outbox.DropTx(ctx, tx, []int64{w.Events[0].ID}); err != nil {
			return err
		}
		if err := (Table{r.o.DB}).DropTx(ctx, tx, w.IDs()); err != nil {
			return err
		}
		return r.o.Store.RemoveTx(ctx, tx, conv, kept)
	})
	if err != nil {
		return fmt.Errorf("end what was taken back: %w", err)
	}
	return nil
}

// withdraw takes away what has grown of a reply. Its error asks for another try:
// what the platform refuses for good stays.
func (r *Runner) withdraw(ctx context.Context, w *inbox.Work) error {
	lead := &w.Events[0]
	if w.Lease.Left() < outbox.SendLimit { // by now it may be another one's reply
		return outbox.ErrLeaseShort
	}
	err := r.o.Outbox.Withdraw(ctx, lead.Event.Platform, w.Events[len(w.Events)-1].Event.ReplyTo, lead.ID)
	if err != nil && !r.final(w, err) {
		return fmt.Errorf("take back what is shown of a reply: %w", err)
	}
	if err != nil {
		r.o.Logger.WarnContext(ctx, "an unwanted reply could not be removed", slog.Int64("event", lead.ID), slog.Any("error", err))
	}
	return nil
}

// keptOf returns what is kept of the events and of the replies to them.
func (r *Runner) keptOf(ctx context.Context, w *inbox.Work) (conversationID int64, messages []int64, err error) {
	conversationID = w.Events[0].ConversationID
	if conversationID == 0 {
		return 0, nil, nil
	}
	const newest = 100
	recent, err := r.o.Store.Recent(ctx, conversationID, newest, 1)
	if errors.Is(err, conversation.ErrNotFound) { // deleted meanwhile
		return 0, nil, nil
	}
	theirs := false
	for i := range recent {
		if recent[i].Role == conversation.RoleUser {
			theirs = eventOf(w, recent[i]) >= 0
		}
		if theirs {
			messages = append(messages, recent[i].ID)
		}
	}
	return conversationID, messages, err
}

// isRetracted reports whether work is to end, at least in part, because a message
// was taken back. A reply that somebody else waits for too, and of which they may
// have seen something, is shown to its end.
func isRetracted(w *inbox.Work, seen bool) bool {
	n := len(w.Retracted())
	return n == len(w.Events) || n > 0 && !seen
}
