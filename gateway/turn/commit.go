package turn

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// reply is an answer ready to become true in one commit.
type reply struct {
	text    string
	file    *outbox.File // shown in place of text; nil = text is shown
	outcome outbox.Outcome
	reason  string // with outbox.Dead
	detail  string // for the ledger
	user    []conversation.Message
	bot     []conversation.Message // what is kept of the answer, the shown text last
	usage   []ai.Response          // of each call of a model
	anchor  int64                  // where the conversation's prompts begin from now on; 0 = where they did
	folded  bool                   // the summary that waits takes the place of what is left out
	full    bool                   // a summary should be made
	verbs   []platforms.Verb       // the buttons under it, where it is no answer of a model

	isCommand bool
	command   string // the name of the one that was used; "" = there is none of that name
	cut       bool   // it was stopped: what was shown is the reply
	stranger  bool   // nothing is kept of who has written
	forgets   bool   // who has written is not to be known any more

	// learn has the memory learn from the turn, in the commit; nil = from a
	// stranger nothing is learnt.
	learn func(ctx context.Context, tx database.Tx) error
	// apply joins the commit; what it returns replaces text and file when not empty.
	apply func(ctx context.Context, tx database.Tx, conversationID int64) (string, error)
}

// commit makes the answer true: messages, counters, usage, event states and
// the delivery that shows it, all or nothing.
func (r *Runner) commit(ctx context.Context, t *task, a reply) (*outbox.Delivery, error) {
	d := &outbox.Delivery{
		ID: t.lead().ID, LaneKey: t.key.Identity(), Platform: t.lead().Event.Platform,
		Address: t.Events[len(t.Events)-1].Event.ReplyTo,
		Text:    a.text, Outcome: a.outcome, Error: a.reason,
	}
	if d.Verbs = a.verbs; len(a.usage) > 0 && len(a.bot) > 0 && !d.Address.Private {
		d.Verbs = []platforms.Verb{platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown}
	}
	var err error
	if !a.stranger {
		if a.learn, err = r.remember(ctx, r.lessons(t.Work, &a, "turn")); err != nil {
			return nil, err
		}
	}
	if err := r.o.Outbox.Begun(ctx, d, t.lead().IsFirst()); err != nil { // it may have grown in the chat
		return nil, fmt.Errorf("look for what is shown of the reply: %w", err)
	}
	err = r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return r.commitTx(ctx, tx, t, a, d)
	})
	if errors.Is(err, inbox.ErrLeaseLost) { // nothing of it became true, but it is paid
		for _, call := range a.usage {
			r.countLost(ctx, t, call)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("commit the turn: %w", err)
	}
	if a.full {
		r.compactSoon()
	}
	t.Tries = 0
	r.transcripts.drop(t.IDs())
	if r.o.Access != nil && !a.stranger {
		r.o.Access.Replied(&t.lead().Event, d.Text)
	}
	return d, nil
}

func (r *Runner) commitTx(ctx context.Context, tx database.Tx, t *task, a reply, d *outbox.Delivery) error {
	conv, err := r.conversationTx(ctx, tx, t, &a)
	if err != nil {
		return err
	}
	d.Text, d.File = a.text, a.file
	if a.apply != nil {
		text, err := a.apply(ctx, tx, conv.ID)
		if err != nil {
			return err
		}
		if text != "" {
			d.Text, d.File = text, nil
		}
	}
	if err := r.saveTx(ctx, tx, t.Work, conv, a, d); err != nil {
		return err
	}
	if err := r.leftTx(ctx, tx, t, conv.ID, a); err != nil {
		return err
	}
	made := inbox.Answer{ConversationID: conv.ID, Whole: len(a.usage) > 0 && !a.cut, Detail: a.detail}
	now, err := r.o.Inbox.AnsweredTx(ctx, tx, t.Work, made)
	if err != nil {
		return err
	}
	r.o.Outbox.Prepare(d, inbox.EventKey(&t.lead().Event))
	if err := r.o.Outbox.SealTx(ctx, tx, d, now); err != nil {
		return err
	}
	if d.Silent() {
		if err := r.doneTx(ctx, tx, t.Work, d); err != nil {
			return err
		}
	}
	return r.countTx(ctx, tx, t, a.usage)
}

// leftTx writes what only some turns leave: that the window was full, and what
// came of the steps that tools have taken.
func (r *Runner) leftTx(ctx context.Context, tx database.Tx, t *task, conversation int64, a reply) error {
	if err := r.cutTx(ctx, tx, t, conversation, a); err != nil {
		return err
	}
	return r.endTx(ctx, tx, t, a.outcome == outbox.Sent)
}

// conversationTx holds the conversation that the answer belongs to and has the
// memory learn from it. A stranger has none.
func (r *Runner) conversationTx(ctx context.Context, tx database.Tx, t *task, a *reply) (conversation.Held, error) {
	if a.stranger {
		return conversation.Held{}, nil
	}
	conv, err := r.o.Store.HoldTx(ctx, tx, t.key)
	if err != nil {
		return conv, err
	}
	return conv, a.learn(ctx, tx)
}

// saveTx stores the person's messages and, after them, the answer.
func (r *Runner) saveTx(ctx context.Context, tx database.Tx, w *inbox.Work, conv conversation.Held, a reply, d *outbox.Delivery) error {
	if a.stranger {
		return nil
	}
	messages := append(fresh(w, a.user), a.bot...)
	if last := len(messages) - 1; len(a.bot) > 0 && (!a.isCommand || messages[last].Content == "") { // a long answer may be kept shorter
		messages[last].Content = d.Text
	}
	saved, err := r.o.Store.SaveHeldTx(ctx, tx, conv, messages...)
	if err != nil {
		return err
	}
	if len(a.bot) > 0 {
		last := saved[len(saved)-1]
		d.MessageID, d.Tokens = last.ID, last.Tokens
	}
	return nil
}

// fresh leaves out the messages of events that an earlier turn has stored.
func fresh(w *inbox.Work, user []conversation.Message) []conversation.Message {
	var list []conversation.Message
	for i := range user {
		if w.Events[i].ConversationID == 0 {
			list = append(list, user[i])
		}
	}
	return list
}
