package conversation

import (
	"context"
	"database/sql"
	"errors"
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
//
// The conversation's row is locked first, then rows of the token ledger in the
// order of their keys: savers of one conversation queue up at its row, and two
// conversations of one person cannot wait for each other.
func (m *PersistentConversationManager) SaveTx(ctx context.Context, tx database.Tx, conversationID int64, msgs ...Message) ([]Message, error) {
	rows, err := m.prepareRows(msgs, m.db.Now())
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	first, userKey, err := m.reserve(ctx, tx, conversationID, rows)
	if err != nil {
		return nil, err
	}
	if next := first + int64(len(rows)); first/recall.BlockSize < next/recall.BlockSize {
		m.noteFilled(conversationID)
	}
	saved := slices.Clone(msgs)
	for i := range saved {
		saved[i].ID, saved[i].ConversationID = first+int64(i), conversationID
		saved[i].Content, saved[i].Timestamp = rows[i].Content, rows[i].Timestamp
	}
	if err := m.insertRows(ctx, tx, conversationID, first, rows); err != nil {
		return nil, err
	}
	return saved, m.countTx(ctx, tx, userKey, rows, 1)
}

// reserve takes ids for rows, counts them, and returns the first id and the conversation's user key.
func (m *PersistentConversationManager) reserve(ctx context.Context, tx database.Tx, id int64, rows []messageRow) (first int64, userKey string, err error) {
	n, next := int64(len(rows)), int64(0)
	args := []any{n, n, sum(rows), m.db.TimeArg(m.db.Now()), id}
	if m.sql.returning {
		err = m.db.QueryRow(ctx, tx, []any{&next, &userKey}, m.sql.reserve, args...)
		if errors.Is(err, sql.ErrNoRows) {
			err = notFound(id)
		}
		return next - n, userKey, err
	}
	changed, err := m.db.Exec(ctx, tx, m.sql.reserve, args...)
	if err == nil && changed == 0 {
		err = notFound(id)
	}
	if err != nil {
		return 0, "", err
	}
	err = m.db.QueryRow(ctx, tx, []any{&next, &userKey}, `SELECT next_id, user_key FROM conversations WHERE id = ?`, id)
	return next - n, userKey, err
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
