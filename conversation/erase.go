package conversation

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// FootprintOf counts what [PersistentConversationManager.HideTx] and
// [PersistentConversationManager.EraseAuthored] would erase of the person with
// these user keys: conversations of their own, and messages in them and in
// rooms on the platform.
func (m *PersistentConversationManager) FootprintOf(ctx context.Context, tenant, room string, userKeys []string) (conversations, messages int64, err error) {
	own, err := m.conversationsOf(ctx, m.read(), tenant, userKeys)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range own {
		messages += c.MessageCount
	}
	rooms, err := m.conversationsOf(ctx, m.read(), tenant, []string{room})
	for _, c := range rooms {
		var n int64
		if err := m.db.QueryRow(ctx, m.read(), []any{&n}, `SELECT COUNT(*)`+messagesSource+` AND m.author IN (?)`, c.ID, userKeys); err != nil {
			return 0, 0, err
		}
		messages += n
	}
	return int64(len(own)), messages, err
}

// TenantsSince returns the tenants that a platform has conversations of: quiet
// are those without activity since a time, lively the others.
func (m *PersistentConversationManager) TenantsSince(ctx context.Context, platform string, since time.Time) (quiet, lively []string, err error) {
	err = m.db.Query(ctx, m.read(), func(rows *sql.Rows) error {
		var tenant string
		var active int64
		err := rows.Scan(&tenant, &active)
		if active > 0 {
			lively = append(lively, tenant)
		} else {
			quiet = append(quiet, tenant)
		}
		return err
	}, `SELECT tenant, MAX(CASE WHEN last_activity >= ? THEN 1 ELSE 0 END) FROM conversations
		WHERE platform = ? GROUP BY tenant`, m.db.TimeArg(since), platform)
	return quiet, lively, err
}

// CountUnder returns how many conversations a platform has under these tenants.
func (m *PersistentConversationManager) CountUnder(ctx context.Context, platform string, tenants []string) (n int64, err error) {
	err = m.db.QueryRow(ctx, m.read(), []any{&n}, `SELECT COUNT(*) FROM conversations WHERE visible = 1 AND platform = ? AND tenant IN (?)`,
		platform, tenants)
	return n, err
}

// owned is a conversation and whose it is.
type owned struct {
	ID              int64
	UserKey, Tenant string
	MessageCount    int64
}

func (o *owned) dest() []any { return []any{&o.ID, &o.UserKey, &o.Tenant, &o.MessageCount} }

// conversationsOf returns the conversations under exactly these user keys, in
// the order of their ids.
func (m *PersistentConversationManager) conversationsOf(ctx context.Context, from database.Reader, tenant string, userKeys []string) ([]owned, error) {
	rows, err := database.All(ctx, m.db, from, (*owned).dest, `SELECT id, user_key, tenant, message_count FROM conversations
		WHERE visible = 1 AND user_key IN (?) AND tenant = ? ORDER BY id`, userKeys, tenant)
	// MySQL's = ignores trailing spaces.
	return slices.DeleteFunc(rows, func(r owned) bool {
		return r.Tenant != tenant || !slices.Contains(userKeys, r.UserKey)
	}), err
}

// HideTx takes the conversations under these user keys out of sight, as the
// first step of deleting them, and returns their ids for
// [PersistentConversationManager.RemoveHidden]. With ids it takes only those.
func (m *PersistentConversationManager) HideTx(ctx context.Context, tx database.Tx, tenant string, userKeys []string, only ...int64) ([]int64, error) {
	own, err := m.conversationsOf(ctx, tx, tenant, userKeys)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, c := range own {
		if len(only) > 0 && !slices.Contains(only, c.ID) {
			continue
		}
		if err := m.hide(ctx, tx, c.ID, `visible = 1`); err != nil {
			return nil, err
		}
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// RemoveHidden removes the rows of hidden conversations, in slices. It may be
// called again after it was cut short.
func (m *PersistentConversationManager) RemoveHidden(ctx context.Context, ids []int64) error {
	_, err := m.removeHidden(ctx, ids)
	return err
}

// EraseAuthored removes from the conversations under the user key of a room
// what these authors wrote before a time, and the replies to it, in slices; and from
// all conversations of the platform what they think of replies.
func (m *PersistentConversationManager) EraseAuthored(ctx context.Context, tenant, room string, authors []string, before time.Time) error {
	platform, _, _ := strings.Cut(room, ":")
	platform = message.DecodePart(platform)
	if err := m.EraseContexts(ctx, tenant, platform, before); err != nil {
		return err
	}
	if err := m.eraseFeedback(ctx, tenant, platform, authors); err != nil {
		return err
	}
	rooms, err := m.conversationsOf(ctx, m.read(), tenant, []string{room})
	if err != nil {
		return err
	}
	for _, c := range rooms {
		if err := m.eraseIn(ctx, c.ID, authors, before); err != nil {
			return err
		}
	}
	return nil
}

// said is what decides whether a message goes.
type said struct {
	ID           int64
	Role, Author string
	Timestamp    time.Time
}

func (s *said) dest() []any { return []any{&s.ID, &s.Role, &s.Author, &s.Timestamp} }

func (m *PersistentConversationManager) eraseIn(ctx context.Context, id int64, authors []string, before time.Time) error {
	theirs := false // what follows their message, up to somebody else's, is the reply to it
	for after := int64(0); ; {
		page, err := database.All(ctx, m.db, m.read(), (*said).dest,
			`SELECT id, role, author, timestamp FROM messages WHERE conversation_id = ? AND id > ? ORDER BY id LIMIT ?`, id, after, sliceRows)
		if err != nil || len(page) == 0 {
			return err
		}
		var doomed []int64
		for _, s := range page {
			after = s.ID
			if s.Role == string(RoleUser) {
				theirs = slices.Contains(authors, s.Author) && !s.Timestamp.After(before)
			}
			if theirs {
				doomed = append(doomed, s.ID)
			}
		}
		if err := m.removeMessages(ctx, id, doomed); err != nil {
			return err
		}
	}
}

// removeMessages removes messages of a conversation and takes them off its counters.
func (m *PersistentConversationManager) removeMessages(ctx context.Context, id int64, doomed []int64) error {
	if len(doomed) == 0 {
		return nil
	}
	return m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return m.RemoveTx(ctx, tx, id, doomed)
	})
}

// RemoveTx removes messages of a conversation and takes them off its counters.
func (m *PersistentConversationManager) RemoveTx(ctx context.Context, tx database.Tx, id int64, doomed []int64) error {
	if len(doomed) == 0 {
		return nil
	}
	held, err := m.holdID(ctx, tx, id)
	if err != nil {
		return err
	}
	var counted, tokens int64 // of those that the counters know: cleared ones are off already
	err = m.db.QueryRow(ctx, tx, []any{&counted, &tokens},
		`SELECT COUNT(*), COALESCE(SUM(tokens), 0) FROM messages WHERE conversation_id = ? AND id >= ? AND id IN (?)`, id, held.firstID, doomed)
	if err != nil {
		return err
	}
	if _, err := m.db.Exec(ctx, tx, `DELETE FROM messages WHERE conversation_id = ? AND id IN (?)`, id, doomed); err != nil {
		return err
	}
	if err := m.dropBlocksTx(ctx, tx, id, slices.Min(doomed), slices.Max(doomed)); err != nil {
		return err
	}
	// What was told with later messages may hold their words.
	_, err = m.db.Exec(ctx, tx, `UPDATE messages SET context_json = NULL WHERE conversation_id = ? AND id > ? AND context_json IS NOT NULL`, id, slices.Min(doomed))
	if err != nil {
		return err
	}
	if err := m.dropSummaryTx(ctx, tx, id, slices.Min(doomed)); err != nil {
		return err
	}
	return m.takeOff(ctx, tx, id, counted, tokens)
}

// dropSummaryTx drops a summary that may stand for a message or a later one, and the
// one that waits or is being made.
func (m *PersistentConversationManager) dropSummaryTx(ctx context.Context, tx database.Tx, id, message int64) error {
	if err := m.dropCompaction(ctx, tx, id); err != nil {
		return err
	}
	_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET summary = NULL, summary_end = 0, summary_foreign = 0 WHERE id = ? AND (summary_end = 0 OR summary_end >= ?)`, id, message)
	return err
}

// takeOff takes messages and their tokens off a conversation's counters.
func (m *PersistentConversationManager) takeOff(ctx context.Context, tx database.Tx, id, messages, tokens int64) error {
	_, err := m.db.Exec(ctx, tx, `UPDATE conversations SET message_count = message_count - ?, total_tokens = total_tokens - ? WHERE id = ?`,
		messages, tokens, id)
	return err
}
