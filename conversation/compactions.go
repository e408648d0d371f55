package conversation

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// A summary is made behind the replies, by whichever replica comes first, and waits
// until the conversation's window is full. Then it takes the place of the former one,
// and of the messages that it stands for, in the commit that moves the anchor.

// Compaction is a summary that somebody works on.
type Compaction struct {
	Conversation int64
	Event        int64 // whose turn led to it
	Attempts     int64 // this one included
	lease        int64
}

// CutTx says with which message the conversation's prompts begin from now on. folded
// has the summary that waits take the place of the former one; else it is dropped.
func (m *PersistentConversationManager) CutTx(ctx context.Context, tx database.Tx, id, anchor int64, folded bool) error {
	if _, err := m.db.Exec(ctx, tx, `UPDATE conversations SET anchor = ? WHERE id = ?`, anchor, id); err != nil {
		return err
	}
	if folded {
		_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET summary = (SELECT summary FROM compactions WHERE conversation_id = ?),
			summary_end = (SELECT upto FROM compactions WHERE conversation_id = ?),
			summary_foreign = (SELECT summary_foreign FROM compactions WHERE conversation_id = ?)
			WHERE id = ? AND EXISTS (SELECT 1 FROM compactions WHERE conversation_id = ? AND summary IS NOT NULL)`, id, id, id, id, id)
		if err != nil {
			return err
		}
	}
	return m.dropCompaction(ctx, tx, id)
}

func (m *PersistentConversationManager) dropCompaction(ctx context.Context, tx database.Tx, id int64) error {
	_, err := m.db.Exec(ctx, tx, `DELETE FROM compactions WHERE conversation_id = ?`, id)
	return err
}

// Summary stands for the messages of a conversation up to one.
type Summary struct {
	Text    string
	End     int64 // the id of the last message that it stands for
	Foreign bool  // it may hold words of others than the person
}

// NextSummary returns the summary that waits for the window to be full, one without a
// text when there is none.
func (m *PersistentConversationManager) NextSummary(ctx context.Context, id int64) (s Summary, err error) {
	err = m.db.QueryRow(ctx, m.read(), []any{&s.Text, &s.End, &s.Foreign}, `SELECT summary, upto, summary_foreign FROM compactions WHERE conversation_id = ? AND summary IS NOT NULL`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return s, err
}

// WantSummaryTx has a summary made, unless one is being made or waits already.
func (m *PersistentConversationManager) WantSummaryTx(ctx context.Context, tx database.Tx, id, event int64) error {
	now, err := m.db.Clock(ctx, tx)
	if err != nil {
		return err
	}
	_, err = m.db.Exec(ctx, tx, m.sql.wantSummary, id, event, 0, now)
	return err
}

// TakeCompaction returns the next summary that is to be made, nil when there is
// none. It is the caller's for so long.
func (m *PersistentConversationManager) TakeCompaction(ctx context.Context, lease time.Duration) (*Compaction, error) {
	now, err := m.db.Clock(ctx, m.read())
	if err != nil {
		return nil, err
	}
	due, err := database.All(ctx, m.db, m.read(), func(c *Compaction) []any { return []any{&c.Conversation, &c.Event, &c.Attempts, &c.lease} },
		`SELECT conversation_id, event_id, attempts, lease_no FROM compactions WHERE ready_at <= ? ORDER BY ready_at LIMIT 8`, now)
	if err != nil {
		return nil, err
	}
	for _, c := range due {
		next := rand.Int64()
		var taken int64
		err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
			taken, err = m.db.Exec(ctx, tx, `UPDATE compactions SET lease_no = ?, attempts = attempts + 1, ready_at = ?
				WHERE conversation_id = ? AND lease_no = ? AND ready_at <= ?`, next, now+lease.Microseconds(), c.Conversation, c.lease, now)
			return err
		})
		if err != nil {
			return nil, err
		}
		if taken > 0 {
			c.lease, c.Attempts = next, c.Attempts+1
			return &c, nil
		}
	}
	return nil, nil
}

// KeepSummaryTx keeps a summary that was made, unless it is not wanted any more: something was erased, or the window was cut.
func (m *PersistentConversationManager) KeepSummaryTx(ctx context.Context, tx database.Tx, c *Compaction, s Summary) error {
	_, err := m.db.Exec(ctx, tx, `UPDATE compactions SET summary = ?, upto = ?, summary_foreign = ?, ready_at = NULL WHERE conversation_id = ? AND lease_no = ?`,
		message.CleanText(s.Text), s.End, bit(s.Foreign), c.Conversation, c.lease)
	return err
}

// bit is how a column holds whether something is so.
func bit(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// RetryCompaction has a summary made again after a wait; below 0: not before the next cut.
func (m *PersistentConversationManager) RetryCompaction(ctx context.Context, c *Compaction, wait time.Duration) error {
	return m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := m.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		ready := sql.NullInt64{Int64: now + wait.Microseconds(), Valid: wait >= 0}
		_, err = m.db.Exec(ctx, tx, `UPDATE compactions SET ready_at = ? WHERE conversation_id = ? AND lease_no = ?`, ready, c.Conversation, c.lease)
		return err
	})
}
