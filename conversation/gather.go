package conversation

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// manyRows is how many rows the larger form of a statement writes at once. The
// driver of SQLite looks for each argument among all of them, so more are no faster.
const manyRows = 8

// saving is one message on its way into a commit that many callers share.
type saving struct {
	ctx  context.Context //nolint:containedctx // of the caller, who waits
	id   int64           // of the conversation
	row  messageRow
	kept int64 // the message's id
	err  error // why it was not saved; expected outcomes, which cost the neighbours nothing
}

// saveGathered is SaveMessage on SQLite, where the one writer is the limit:
// what many callers bring at the same time goes through few statements. Once
// it has begun its caller's context counts no more.
func (m *PersistentConversationManager) saveGathered(ctx context.Context, id int64, msg Message) (*Message, error) {
	row, err := toRow(&msg, m.db.Now())
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &saving{ctx: ctx, id: id, row: row}
	// A caller that is cancelled gets its error from saveAll: what is not told
	// as saved is not saved.
	if err := m.saves.Write(context.WithoutCancel(ctx), s); err != nil {
		return nil, err
	}
	if s.err != nil {
		return nil, s.err
	}
	msg.ID, msg.ConversationID, msg.Content, msg.Timestamp = s.kept, id, row.Content, row.Timestamp
	return &msg, nil
}

// saveAll stores what callers brought. It may run twice.
func (m *PersistentConversationManager) saveAll(ctx context.Context, tx database.Tx, items []*saving) error {
	groups := map[int64][]*saving{}
	var ids []int64
	for _, s := range items {
		if s.err = s.ctx.Err(); s.err != nil {
			continue
		}
		if groups[s.id] == nil {
			ids = append(ids, s.id)
		}
		groups[s.id] = append(groups[s.id], s)
	}
	ids, err := m.reserveAll(ctx, tx, ids, groups)
	if err != nil {
		return err
	}
	var rows []*saving
	var entries []entry
	err = m.eachReserved(ctx, tx, ids, func(id, next int64, userKey string) {
		group := groups[id]
		for i, s := range group {
			s.kept = next - int64(len(group)-i)
			rows = append(rows, s)
			entries = append(entries, ledgerOf(userKey, []messageRow{s.row}, 1)...)
		}
	})
	if err != nil {
		return err
	}
	if err := m.insertAll(ctx, tx, rows); err != nil {
		return err
	}
	return m.countTokens(ctx, tx, merged(entries))
}

// reserveAll counts the messages of each conversation and returns those that there are.
func (m *PersistentConversationManager) reserveAll(ctx context.Context, tx database.Tx, ids []int64, groups map[int64][]*saving) (there []int64, err error) {
	now := m.db.TimeArg(m.db.Now())
	for _, id := range ids {
		n, tokens := int64(len(groups[id])), int64(0)
		for _, s := range groups[id] {
			tokens += s.row.Tokens
		}
		changed, err := m.stmt.reserve.Exec(ctx, tx, n, n, tokens, now, id)
		if err != nil {
			return nil, err
		}
		if changed > 0 {
			there = append(there, id)
			continue
		}
		for _, s := range groups[id] {
			s.err = notFound(id)
		}
	}
	return there, nil
}

// eachReserved reads what the next message of each conversation will be called.
func (m *PersistentConversationManager) eachReserved(ctx context.Context, tx database.Tx, ids []int64, do func(id, next int64, userKey string)) error {
	var next [manyRows]int64
	var userKey [manyRows]string
	for len(ids) > 0 {
		stmt, n := m.stmt.reserved, 1
		if len(ids) >= manyRows {
			stmt, n = m.stmt.reservedMany, manyRows
		}
		args, dest := make([]any, n), make([]any, 0, 2*n)
		for i, id := range ids[:n] {
			args[i], dest = id, append(dest, &next[i], &userKey[i])
		}
		if err := stmt.QueryRow(ctx, tx, dest, args...); err != nil {
			return err
		}
		for i, id := range ids[:n] {
			do(id, next[i], userKey[i])
		}
		ids = ids[n:]
	}
	return nil
}

// insertAll inserts one row after the other: where a foreign key is checked,
// SQLite keeps a journal of its own for a statement of several rows, which
// costs more than it spares.
func (m *PersistentConversationManager) insertAll(ctx context.Context, tx database.Tx, rows []*saving) error {
	for _, s := range rows {
		if _, err := m.stmt.insert.Exec(ctx, tx, m.messageArgs(s.id, s.kept, &s.row)...); err != nil {
			return err
		}
	}
	return nil
}

// messageArgs returns the arguments with which a message is inserted.
func (m *PersistentConversationManager) messageArgs(conversationID, id int64, r *messageRow) []any {
	return []any{conversationID, id, r.Role, r.Author, r.Content, m.db.TimeArg(r.Timestamp), r.Tokens, r.Metadata, r.IsCommand}
}
