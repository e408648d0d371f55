package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
)

// Clean does what is left to do of conversations whose messages were removed,
// as far as that can be done now. It is for programs that do not Start.
func (e *Eraser) Clean(ctx context.Context) error {
	for left := ""; ; {
		now, err := e.o.DB.Clock(ctx, e.o.DB.Read())
		if err != nil {
			return err
		}
		gone, err := e.rows(ctx, "state = ?", ledger)
		if err != nil {
			return err
		}
		done, err := e.rows(ctx, "state = ?", files)
		if err != nil {
			return err
		}
		before := left
		if left = fmt.Sprint(ids(gone), ids(done)); left == before || len(gone)+len(done) == 0 {
			return nil // what is left waits for somebody else
		}
		e.rested = time.Time{}
		if err := e.clean(ctx, gone, done, now); err != nil {
			return err
		}
	}
}

func ids(rows []row) []int64 {
	list := make([]int64, len(rows))
	for i, r := range rows {
		list[i] = r.ID
	}
	return list
}

// clean blanks the ledger of conversations that are gone, as far as it was
// settled at that time, and takes out of the database's files what is done.
func (e *Eraser) clean(ctx context.Context, gone, done []row, settled int64) error {
	begun := e.o.DB.Now()
	if len(gone)+len(done) == 0 || begun.Before(e.rested) {
		return nil
	}
	var failed []error
	if len(gone) > 0 {
		failed = append(failed, e.blank(ctx, gone, settled))
	}
	if len(done) > 0 {
		failed = append(failed, e.scrub(ctx, done))
	}
	now := e.o.DB.Now()
	e.rested = now.Add(restTimes * now.Sub(begun))
	return errors.Join(failed...)
}

func (e *Eraser) blank(ctx context.Context, gone []row, settled int64) error {
	var conversations []int64
	all := make([]inbox.Cleared, len(gone))
	for i, r := range gone {
		for _, id := range r.left.Conversations {
			conversations = append(conversations, id)
			all[i] = inbox.Cleared{Conversation: id, Lane: r.Person, UpTo: r.Event}
		}
	}
	if err := e.o.Store.FinishRemoval(ctx, conversations); err != nil {
		return err
	}
	unfinished, err := e.o.Ledger.Blank(ctx, all, settled)
	if err != nil {
		return err
	}
	var finished []int64
	for i, r := range gone {
		if !unfinished[all[i].Conversation] {
			finished = append(finished, r.ID)
		}
	}
	return e.emptied(ctx, finished)
}

// emptied notes that nothing is left but what the database's files still hold.
func (e *Eraser) emptied(ctx context.Context, rows []int64) error {
	if len(rows) == 0 {
		return nil
	}
	return e.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := e.o.DB.Exec(ctx, tx, "UPDATE erasures SET state = ?, data = ? WHERE id IN (?)", files, "{}", rows)
		return err
	})
}

// scrub takes what was deleted out of the database's files. While somebody
// reads from before that, it is tried again later.
func (e *Eraser) scrub(ctx context.Context, done []row) error {
	err := e.o.DB.Scrub(ctx)
	if errors.Is(err, database.ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.drop(ctx, ids(done)...)
}
