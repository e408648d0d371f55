package conversation

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/recall"
	"github.com/parley-bot/parley/internal/database"
)

// SaveMessage appends msg to the conversation and returns it as it is kept: with
// its id and time, without NUL bytes. Counters change in the same commit. An
// unknown role or negative tokens is [ErrInvalid].
func (m *PersistentConversationManager) SaveMessage(ctx context.Context, id int64, msg Message) (*Message, error) {
	var saved []Message
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
		saved, err = m.SaveTx(ctx, tx, id, msg)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &saved[0], nil
}

// SaveTx appends messages in order inside the caller's transaction and returns
// them as they are kept.
func (m *PersistentConversationManager) SaveTx(ctx context.Context, tx database.Tx, conversationID int64, msgs ...Message) ([]Message, error) {
	held, err := m.holdID(ctx, tx, conversationID)
	if err != nil {
		return nil, err
	}
	return m.SaveHeldTx(ctx, tx, held, msgs...)
}

// SaveHeldTx is [PersistentConversationManager.SaveTx] where the caller holds the
// conversation and has added nothing to it since. Without messages it only marks
// the conversation as active now.
//
// The conversation's row is locked first, then rows of the token ledger in the
// order of their keys: savers of one conversation queue up at its row, and two
// conversations of one person cannot wait for each other.
func (m *PersistentConversationManager) SaveHeldTx(ctx context.Context, tx database.Tx, held Held, msgs ...Message) ([]Message, error) {
	rows, err := m.prepareRows(msgs, m.db.Now())
	if err != nil {
		return nil, err
	}
	n := int64(len(rows))
	changed, err := m.db.Exec(ctx, tx, `UPDATE conversations SET next_id = next_id + ?, message_count = message_count + ?,
		total_tokens = total_tokens + ?, last_activity = ? WHERE id = ? AND visible = 1`, n, n, sum(rows), m.db.TimeArg(m.db.Now()), held.ID)
	if err == nil && changed == 0 && n > 0 { // what changes nothing is none on MySQL
		err = notFound(held.ID)
	}
	if err != nil || n == 0 {
		return nil, err
	}
	if first := held.nextID; first/recall.BlockSize < (first+n)/recall.BlockSize {
		m.noteFilled(held.ID)
	}
	saved := slices.Clone(msgs)
	for i := range saved {
		saved[i].ID, saved[i].ConversationID = held.nextID+int64(i), held.ID
		saved[i].Content, saved[i].Timestamp = rows[i].Content, rows[i].Timestamp
	}
	if err := m.insertRows(ctx, tx, held.ID, held.nextID, rows); err != nil {
		return nil, err
	}
	return saved, m.countTx(ctx, tx, held.UserKey, rows, 1)
}

// prepareRows checks messages and brings them into the form that is kept.
func (m *PersistentConversationManager) prepareRows(msgs []Message, now time.Time) ([]messageRow, error) {
	rows := make([]messageRow, len(msgs))
	for i := range msgs {
		row, err := toRow(&msgs[i], now)
		if err != nil && len(msgs) > 1 {
			err = inMessage(i, err)
		}
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

// inMessage says which message of several err is about.
func inMessage(i int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("messages[%d]: %w", i, err)
}

// maxTokens keeps sums far away from overflow.
const maxTokens = math.MaxInt64 / (1 << 20)

func toRow(msg *Message, now time.Time) (messageRow, error) {
	var r messageRow
	if !msg.Role.Valid() {
		return r, message.Invalidf("role %q is not one of user, assistant, system, tool", msg.Role)
	}
	if msg.Tokens < 0 || msg.Tokens > maxTokens {
		return r, message.Invalidf("tokens %d is out of range", msg.Tokens)
	}
	if err := message.ValidText("author", msg.Author, message.MaxUserKey); err != nil {
		return r, err
	}
	at := msg.Timestamp
	if at.IsZero() {
		at = now
	}
	if err := message.ValidTime("timestamp", at); err != nil {
		return r, err
	}
	metadata, err := message.EncodeMetadata(msg.Metadata)
	if err != nil {
		return r, err
	}
	beside, err := message.EncodeBeside(msg)
	if err != nil {
		return r, err
	}
	r = messageRow{
		Role: string(msg.Role), Author: msg.Author, Content: message.CleanText(msg.Content),
		Timestamp: at.UTC().Truncate(time.Microsecond), Tokens: msg.Tokens, Metadata: nullable(metadata), Context: nullable(beside),
	}
	if msg.IsCommand() {
		r.IsCommand = 1
	}
	return r, nil
}

// nullable returns text as a column keeps it where NULL says that there is none.
func nullable(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }
