package turn

import (
	"context"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// lesson is what the memory is told about one event.
type lesson struct {
	effect  memory.Effect
	changes []memory.Change
}

// lessons are what a turn tells the memory: who has written, what the leader
// boards count, and which command was used.
func (r *Runner) lessons(w *inbox.Work, a *reply) []lesson {
	list := make([]lesson, len(w.Events))
	for i := range w.Events {
		e := &w.Events[i]
		list[i].effect = memory.Effect{ID: eventName(e) + ":turn", At: e.ReceivedAt}
		if !a.forgets {
			list[i].add(memory.Seen{Person: person(&e.Event), Name: e.Event.SenderName})
		}
		if a.isCommand || i >= len(a.user) || e.ConversationID != 0 { // a replayed event was counted
			continue
		}
		list[i].count(&e.Event, memory.Messages, 1)
		list[i].count(&e.Event, memory.Tokens, a.user[i].Tokens)
	}
	if a.command != "" {
		list[0].add(memory.CountCommand{Realm: person(&w.Events[0].Event).Realm(), Name: a.command})
	}
	if !a.isCommand && a.bot != nil {
		list[0].count(&w.Events[0].Event, memory.Tokens, a.bot.Tokens)
	}
	return list
}

// add notes a change; points for the same board are one change, since each is
// a write in every period.
func (l *lesson) add(c memory.Change) {
	more, isScore := c.(memory.AddScore)
	for i, have := range l.changes {
		if have == c && !isScore {
			return
		}
		score, ok := have.(memory.AddScore)
		if !ok || !isScore || score.Place != more.Place || score.Board != more.Board || score.Person != more.Person {
			continue
		}
		score.N += more.N
		l.changes[i] = score
		return
	}
	l.changes = append(l.changes, c)
}

func (l *lesson) count(e *platforms.Event, b memory.Board, n int64) {
	if n > 0 {
		l.add(memory.AddScore{Place: placeOf(e), Board: b, Person: person(e), N: n})
	}
}

func placeOf(e *platforms.Event) memory.Place {
	return memory.PlaceOf(person(e), e.ChatType == platforms.Group, e.ChatID)
}

// rememberTx tells a memory that joins the commit, all at once.
func (r *Runner) rememberTx(ctx context.Context, tx database.Tx, w *inbox.Work, a *reply) error {
	if !r.Memory.Transactional() {
		return nil
	}
	var all lesson
	for _, l := range r.lessons(w, a) {
		for _, c := range l.changes {
			all.add(c)
		}
		if all.effect.ID == "" {
			all.effect = l.effect
		}
	}
	return r.tell(ctx, tx, all)
}

// rememberFirst tells a memory that is another server, before the commit and
// event by event: taken again, a turn may answer more events than the first time.
func (r *Runner) rememberFirst(ctx context.Context, w *inbox.Work, a *reply) error {
	if r.Memory.Transactional() {
		return nil
	}
	for _, l := range r.lessons(w, a) {
		if err := r.tell(ctx, database.Tx{}, l); err != nil {
			return err
		}
	}
	return nil
}

// tell makes the changes. One that is refused (a name that cannot be stored) is
// no reason to leave the person without a reply.
func (r *Runner) tell(ctx context.Context, tx database.Tx, l lesson) error {
	if len(l.changes) == 0 {
		return nil
	}
	_, err := r.Memory.Apply(ctx, tx, l.effect, l.changes...)
	return err
}
