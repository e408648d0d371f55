package turn

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// A button under a reply is pressed: an event of its own, which no model is asked
// about unless it asks for another reply. What cannot be done is said to who
// pressed it, and to nobody else.

// pressed is the reply that a button stands under.
type pressed struct {
	event inbox.Event // the oldest that it answers
	reply *outbox.Delivery
}

// press does what a button asks for. errIgnored means that there is nothing to say.
func (r *Runner) press(ctx context.Context, t *task) (reply, error) {
	verb := t.lead().Event.Press.Verb
	if verb == platforms.VerbStop { // it worked when it arrived
		switch t.lead().CalledOff {
		case inbox.Stopping:
			return r.noted(ctx, t, "stopped a reply", nil)
		case inbox.Refused:
			return r.whisper(ctx, t, "stop.refused")
		case "", inbox.Retracted, inbox.Stopped:
		}
		return r.whisper(ctx, t, "stop.nothing")
	}
	if verb == platforms.VerbApprove || verb == platforms.VerbDeny {
		return r.decideByButton(ctx, t)
	}
	p, err := r.pressed(ctx, &t.lead().Event)
	switch {
	case err != nil:
		return reply{}, err
	case p == nil:
		return r.whisper(ctx, t, "press.old")
	case verb == platforms.VerbUp, verb == platforms.VerbDown:
		return r.feedback(ctx, t, p)
	case verb == platforms.VerbRegenerate:
		return r.regenerate(ctx, t, p)
	}
	return r.whisper(ctx, t, "press.old")
}

// pressed returns the reply of a model that a button stands under, nil when it is
// none that is kept.
func (r *Runner) pressed(ctx context.Context, e *platforms.Event) (*pressed, error) {
	id, err := r.o.Outbox.OfMessage(ctx, e)
	if err != nil || id == 0 {
		return nil, err
	}
	d, err := r.o.Outbox.Get(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // trimmed meanwhile
	}
	if err != nil {
		return nil, err
	}
	of, err := r.o.Inbox.Get(ctx, id)
	if err != nil || of.ConversationID == 0 || d.MessageID == 0 || d.Outcome != outbox.Sent {
		return nil, err
	}
	return &pressed{of, d}, nil
}

// whisper says a sentence to who pressed a button; where the platform has no way
// to do so, nothing is said.
func (r *Runner) whisper(ctx context.Context, t *task, key string) (reply, error) {
	text := t.say(key)
	to := &t.lead().Event.ReplyTo
	to.Private = true
	if !r.o.Outbox.Whispers(t.lead().Event.Platform, *to) {
		return r.noted(ctx, t, "a button that no longer works: "+text, nil)
	}
	return reply{outcome: outbox.Sent, text: text, detail: "answered the person who pressed the button", stranger: true}, nil
}

// noted ends the event without a word.
func (r *Runner) noted(ctx context.Context, t *task, what string, also func(context.Context, database.Tx) error) (reply, error) {
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		return r.o.Inbox.DoneTx(ctx, tx, t.Work, inbox.End{State: inbox.Ignored, Reason: what, Detail: what})
	})
	if err != nil {
		return reply{}, fmt.Errorf("note a button: %w", err)
	}
	return reply{}, errIgnored
}

// feedback notes what somebody thinks of a reply.
func (r *Runner) feedback(ctx context.Context, t *task, p *pressed) (reply, error) {
	e := &t.lead().Event
	value := string(e.Press.Verb)
	a, err := r.noted(ctx, t, "feedback: "+value, func(ctx context.Context, tx database.Tx) error {
		_, err := r.o.Store.FeedbackTx(ctx, tx, p.event.ConversationID, p.reply.MessageID, e.UserKey(), value)
		if errors.Is(err, conversation.ErrNotFound) { // deleted since: there is nothing to note it in
			return nil
		}
		return err
	})
	if errors.Is(err, errIgnored) {
		r.o.Metrics.Feedback.WithLabelValues(value).Inc()
	}
	return a, err
}

// regenerate answers again what the newest reply of a conversation has answered.
func (r *Runner) regenerate(ctx context.Context, t *task, p *pressed) (reply, error) {
	e := &t.lead().Event
	if e.SenderID != p.event.Event.SenderID && !r.o.Inbox.IsAdmin(e) {
		return r.whisper(ctx, t, "regenerate.refused")
	}
	if r.o.Assistant == nil {
		return r.whisper(ctx, t, "press.old")
	}
	conv, err := r.o.Store.Get(ctx, p.event.ConversationID)
	if errors.Is(err, conversation.ErrNotFound) {
		return r.whisper(ctx, t, "press.old")
	}
	if err != nil {
		return reply{}, err
	}
	newest, err := r.isNewest(ctx, conv.ID, p.reply.MessageID)
	if err != nil {
		return reply{}, err
	}
	if !newest {
		return r.whisper(ctx, t, "press.old")
	}
	t.key = conv.Key()
	t.again = p.reply.MessageID
	a, err := r.askAI(ctx, t, conv)
	if errors.Is(err, errNothingAsked) {
		return r.whisper(ctx, t, "press.old")
	}
	a.user = nil // it is there already
	if len(a.bot) > 0 {
		asks := a.apply
		a.apply = func(ctx context.Context, tx database.Tx, id int64) (string, error) {
			if _, err := r.o.Store.ReplacedTx(ctx, tx, id, p.reply.MessageID); err != nil || asks == nil {
				return "", err
			}
			return asks(ctx, tx, id)
		}
	}
	return a, err
}

// errNothingAsked means that what a reply has answered is not in the window any more.
var errNothingAsked = errors.New("the question is no longer in the prompt")

// askedBefore divides the messages of a conversation into those before a question
// and the question that a reply, which is left out, has answered.
func askedBefore(history []conversation.Message, replyID int64) (before, question []conversation.Message, err error) {
	end := slices.IndexFunc(history, func(m conversation.Message) bool { return m.ID == replyID })
	for end > 0 && history[end-1].Role != conversation.RoleUser { // what tools were used for
		end--
	}
	begin := end
	for begin > 0 && history[begin-1].Role == conversation.RoleUser {
		begin--
	}
	if begin < 0 || begin == end {
		return nil, nil, errNothingAsked
	}
	return history[:begin], history[begin:end], nil
}

// isNewest reports whether a message is the last that a model has answered.
func (r *Runner) isNewest(ctx context.Context, conversationID, messageID int64) (bool, error) {
	recent, err := r.o.Store.Recent(ctx, conversationID, 50, 1)
	for i := len(recent) - 1; i >= 0; i-- {
		if m := &recent[i]; m.Role == conversation.RoleAssistant && !m.IsCommand() && !m.Replaced() {
			return m.ID == messageID, err
		}
	}
	return false, err
}
