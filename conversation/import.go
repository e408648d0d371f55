package conversation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/conversation/recall"
	"github.com/parley-bot/parley/internal/database"
)

// ImportMode says what happens when the archive's identity exists already.
type ImportMode string

// The modes.
const (
	ImportNew     ImportMode = "new"     // it is ErrExists
	ImportMerge   ImportMode = "merge"   // messages that are not there yet are appended
	ImportReplace ImportMode = "replace" // the archive takes its place
)

// incoming is an archive that has been checked.
type incoming struct {
	key           Key
	head          Conversation
	count, tokens int64
	slices        rowSlices
	uncounted     bool // its tokens are in the ledger already
}

// rowSlices gives the rows of an archive to do in order, in slices that are each
// one small commit, and ends at the first error.
type rowSlices func(do func(rows []messageRow) error) error

// Import stores an archive under new ids and counts its messages and tokens
// anew. It is all or nothing: the conversation is filled out of sight in slices
// and shown in one small commit. A merge of more messages than one slice shows
// them slice by slice and takes them back on an error; after a crash, the same
// import completes it.
func (m *PersistentConversationManager) Import(ctx context.Context, a Archive, mode ImportMode) (*Conversation, error) {
	in, err := m.check(a)
	if err != nil {
		return nil, err
	}
	c, _, err := m.take(ctx, in, mode)
	return c, err
}

// take stores a checked archive. kept says that it was all there already.
func (m *PersistentConversationManager) take(ctx context.Context, in *incoming, mode ImportMode) (c *Conversation, kept bool, err error) {
	switch mode {
	case ImportNew, ImportReplace:
		c, err = m.importWhole(ctx, in, mode)
		return c, false, err
	case ImportMerge:
		return m.importMerge(ctx, in)
	}
	return nil, false, message.Invalidf("import mode %q is not one of new, merge, replace", mode)
}

func (m *PersistentConversationManager) check(a Archive) (*incoming, error) {
	rows, err := m.prepareRows(a.Messages, m.db.Now())
	if err != nil {
		return nil, err
	}
	in := &incoming{head: a.Conversation, count: int64(len(rows)), tokens: sum(rows), slices: slicesOf(rows)}
	in.head.Anchor, in.head.SummaryEnd = 0, 0 // ids that its messages no longer have
	first, last := time.Time{}, time.Time{}
	if len(rows) > 0 {
		first, last = rows[0].Timestamp, rows[len(rows)-1].Timestamp
	}
	return in, in.checkHead(first, last, m.db.Now())
}

// slicesOf cuts rows that are in memory into slices.
func slicesOf(rows []messageRow) rowSlices {
	return func(do func([]messageRow) error) error {
		for rest := rows; len(rest) > 0; {
			slice := rest[:sliceLen(rest)]
			rest = rest[len(slice):]
			if err := do(slice); err != nil {
				return err
			}
		}
		return nil
	}
}

// checkHead checks the conversation's own values and completes them. first and
// last are the times of its messages.
func (in *incoming) checkHead(first, last, now time.Time) error {
	c := in.head
	in.key = c.Key()
	in.head.Summary = message.CleanText(c.Summary)
	in.head.CreatedAt, in.head.LastActivity = span(c, first, last, now)
	err := in.key.Validate()
	if err == nil {
		err = oneLine(message.ValidText("model", c.Model, message.MaxPart), message.ValidText("persona", c.Persona, message.MaxPart),
			message.ValidTime("created_at", in.head.CreatedAt), message.ValidTime("last_activity", in.head.LastActivity))
	}
	if err != nil {
		return fmt.Errorf("conversation: %w", err)
	}
	return nil
}

// span returns when a conversation began and was last active, from its
// messages where the archive does not say it.
func span(c Conversation, first, last, now time.Time) (created, active time.Time) {
	created, active = c.CreatedAt, c.LastActivity
	if created.IsZero() {
		created = first
	}
	if active.IsZero() {
		active = last
	}
	if created.IsZero() {
		created = now
	}
	if active.IsZero() {
		active = created
	}
	return created.UTC().Truncate(time.Microsecond), active.UTC().Truncate(time.Microsecond)
}

// importWhole fills a hidden conversation and publishes it.
func (m *PersistentConversationManager) importWhole(ctx context.Context, in *incoming, mode ImportMode) (*Conversation, error) {
	replace := mode == ImportReplace
	if there, err := m.Find(ctx, in.key); err == nil && !replace {
		return nil, exists(there.ID)
	} else if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	// What a replaced conversation has used is counted already.
	id, err := m.fill(ctx, in, !replace && !in.uncounted)
	if err != nil {
		return nil, m.discard(ctx, id, err)
	}
	old, err := m.publishAgain(ctx, in, id, replace)
	if err != nil {
		return nil, m.discard(ctx, id, err)
	}
	if old != 0 {
		if _, err := m.removeHidden(ctx, []int64{old}); err != nil {
			return nil, fmt.Errorf("conversation %d is imported, but what it replaces is not all removed yet: %w", id, err)
		}
	}
	if in.count >= recall.BlockSize {
		m.noteFilled(id)
	}
	c := in.head
	c.ID, c.MessageCount, c.TotalTokens = id, in.count, in.tokens
	return &c, nil
}

// publishAttempts bounds how often others may be faster with the same identity.
const publishAttempts = 10

// publishAgain is publish, repeated where somebody else came between it and
// the one it was to replace: the unique index refuses the second.
func (m *PersistentConversationManager) publishAgain(ctx context.Context, in *incoming, id int64, replace bool) (old int64, err error) {
	for range publishAttempts {
		if old, err = m.publish(ctx, in, id, replace); err == nil || errors.Is(err, ErrExists) {
			return old, err
		}
		there, findErr := m.Find(ctx, in.key)
		if findErr != nil || there.ID == old {
			return 0, err // it was something else
		}
		if !replace {
			return 0, exists(there.ID)
		}
	}
	return 0, err
}

// fill makes a hidden conversation with the archive's messages. With count, it
// carries the user key, and its tokens are in the ledger: removing it before
// it is published takes them back.
func (m *PersistentConversationManager) fill(ctx context.Context, in *incoming, count bool) (id int64, err error) {
	identity, userKey := randomIdentity(), ""
	if count {
		userKey = in.key.UserKey
	}
	err = m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now := m.db.TimeArg(m.db.Now())
		id, err = m.db.Insert(ctx, tx, `INSERT INTO conversations (identity, user_key, platform, created_at, last_activity, visible)
			VALUES (?, ?, '', ?, ?, 0)`, identity, userKey, now, now)
		return err
	})
	if err != nil {
		return 0, err
	}
	next := int64(1)
	err = in.slices(func(slice []messageRow) error {
		first := next
		next += int64(len(slice))
		return m.fillSlice(ctx, id, first, slice, userKey)
	})
	return id, err
}

// fillSlice appends one slice and marks the hidden conversation as being worked on.
func (m *PersistentConversationManager) fillSlice(ctx context.Context, id, next int64, slice []messageRow, userKey string) error {
	return m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET last_activity = ? WHERE id = ? AND visible = 0`, m.db.TimeArg(m.db.Now()), id)
		if err != nil {
			return err
		}
		if err := m.insertRows(ctx, tx, id, next, slice); err != nil {
			return err
		}
		if userKey == "" {
			return nil
		}
		return m.countTx(ctx, tx, userKey, slice, 1)
	})
}

// sliceBytes bounds the text of one slice.
const sliceBytes = 1 << 20

// sliceLen returns how many of rows make one slice, at least one.
func sliceLen(rows []messageRow) int {
	size := 0
	for i := range rows {
		size += rows[i].size()
		if i == sliceRows || (i > 0 && size > sliceBytes) {
			return i
		}
	}
	return len(rows)
}

// insertRows stores rows under the ids from next on, a slice by each statement.
func (m *PersistentConversationManager) insertRows(ctx context.Context, tx database.Tx, id, next int64, rows []messageRow) error {
	for len(rows) > 0 {
		slice := rows[:sliceLen(rows)]
		numbered := make([][]any, len(slice))
		for i := range slice {
			numbered[i] = slice[i].values(m.db, id, next+int64(i))
		}
		if err := m.db.InsertAll(ctx, tx, insertMessages, numbered); err != nil {
			return err
		}
		rows, next = rows[len(slice):], next+int64(len(slice))
	}
	return nil
}

// publish shows a filled conversation under its real identity, and hides the
// one that it replaces, whose id it returns.
func (m *PersistentConversationManager) publish(ctx context.Context, in *incoming, id int64, replace bool) (old int64, err error) {
	taken := false
	err = m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		var err error
		if old, err = m.holder(ctx, tx, in.key); err != nil {
			return err
		}
		if taken = old != 0 && !replace; taken {
			return nil
		}
		if old != 0 {
			if err := m.hide(ctx, tx, old, `visible = 1`); err != nil {
				return err
			}
		}
		return m.show(ctx, tx, in, id)
	})
	if err == nil && taken {
		err = exists(old)
	}
	return old, err
}

// holder returns the id of the conversation that has the identity, locked; 0 when there is none.
func (m *PersistentConversationManager) holder(ctx context.Context, tx database.Tx, key Key) (id int64, err error) {
	err = m.db.QueryRow(ctx, tx, []any{&id}, `SELECT id FROM conversations WHERE identity = ?`+m.db.ForUpdate(), key.Identity())
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func (m *PersistentConversationManager) show(ctx context.Context, tx database.Tx, in *incoming, id int64) error {
	c, k, n := &in.head, in.key, in.count
	changed, err := m.db.Exec(ctx, tx, `UPDATE conversations SET identity = ?, visible = 1, user_key = ?, platform = ?, chat_id = ?,
		tenant = ?, thread_id = ?, created_at = ?, last_activity = ?, summary = ?, model = ?, persona = ?,
		total_tokens = ?, message_count = ?, next_id = ?, anchor = ?, summary_end = ?, summary_foreign = ? WHERE id = ? AND visible = 0`,
		k.Identity(), k.UserKey, k.Platform, k.ChatID, k.Tenant, k.ThreadID, m.db.TimeArg(c.CreatedAt), m.db.TimeArg(c.LastActivity),
		sql.NullString{String: c.Summary, Valid: c.Summary != ""}, c.Model, c.Persona, in.tokens, n, n+1, c.Anchor, c.SummaryEnd, bit(c.Summary != ""), id)
	if err == nil && changed == 0 {
		err = errors.New("the import took so long that it was cleaned up")
	}
	return err
}

// undoTimeout bounds how long a failed import is taken back; the rest is swept later.
const undoTimeout = 30 * time.Second

// discard removes a hidden conversation whose import failed and returns why.
func (m *PersistentConversationManager) discard(ctx context.Context, id int64, why error) error {
	if id == 0 {
		return why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if _, err := m.removeHidden(ctx, []int64{id}); err != nil {
		return fmt.Errorf("%w (and not yet all undone: %w)", why, err)
	}
	return why
}

// takeBackTokens removes from the ledger what the first n messages of an
// import that was never published added to it.
func (m *PersistentConversationManager) takeBackTokens(ctx context.Context, tx database.Tx, id int64, n int) error {
	var userKey string
	err := m.db.QueryRow(ctx, tx, []any{&userKey}, `SELECT user_key FROM conversations WHERE id = ? AND visible = 0`, id)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && userKey == "") {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := database.All(ctx, m.db, tx, (*messageRow).countedDest, counted+`ORDER BY id LIMIT ?`, id, n)
	if err != nil {
		return err
	}
	return m.countTx(ctx, tx, userKey, rows, -1)
}
