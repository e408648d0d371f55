package turn

import (
	"context"
	"fmt"

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
// boards count, and which command was used. What names the turn, since one event
// may have several.
func (r *Runner) lessons(w *inbox.Work, a *reply, what string) []lesson {
	list := make([]lesson, len(w.Events))
	for i := range w.Events {
		e := &w.Events[i]
		list[i].effect = memory.Effect{ID: eventName(e) + ":" + what, At: e.ReceivedAt}
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
	for i := range a.bot {
		if !a.isCommand {
			list[0].count(&w.Events[0].Event, memory.Tokens, a.bot[i].Tokens)
		}
	}
	return list
}

func (l *lesson) add(c memory.Change) { l.changes = append(l.changes, c) }

// count adds points of the lesson's event. Those on one board are one change,
// since each is a write.
func (l *lesson) count(e *platforms.Event, b memory.Board, n int64) {
	if n <= 0 {
		return
	}
	for i, c := range l.changes {
		if score, ok := c.(memory.AddScore); ok && score.Board == b {
			score.N += n
			l.changes[i] = score
			return
		}
	}
	l.add(memory.AddScore{Place: placeOf(e), Board: b, Person: person(e), N: n})
}

func placeOf(e *platforms.Event) memory.Place {
	return memory.PlaceOf(person(e), e.ChatType == platforms.Group, e.ChatID)
}

// remember tells the memory what it learns from a turn. What it returns joins
// the turn's commit. Each event is an effect of its own: taken again, a turn may
// answer more events than the first time.
func (r *Runner) remember(ctx context.Context, lessons []lesson) (func(context.Context, database.Tx) error, error) {
	var all []memory.Staged
	for _, l := range lessons {
		if len(l.changes) == 0 {
			continue
		}
		staged, err := r.o.Memory.Stage(ctx, l.effect, l.changes...)
		if err != nil {
			return nil, fmt.Errorf("remember the turn: %w", err)
		}
		all = append(all, staged)
	}
	return func(ctx context.Context, tx database.Tx) error {
		for _, staged := range all { // one that is refused is no reason to leave the person without a reply
			if _, err := staged(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
