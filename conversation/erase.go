package conversation

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

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
		if err := m.read().NewRaw(`SELECT COUNT(*)`+messagesSource+` AND m.author IN (?)`, c.ID, bun.List(userKeys)).Scan(ctx, &n); err != nil {
			return 0, 0, database.Explain(err)
		}
		messages += n
	}
	return int64(len(own)), messages, err
}

// TenantsSince returns the tenants that a platform has conversations of: quiet
// are those without activity since a time, lively the others.
func (m *PersistentConversationManager) TenantsSince(ctx context.Context, platform string, since time.Time) (quiet, lively []string, err error) {
	var rows []struct {
		Tenant string
		Lively int64
	}
	err = m.read().NewRaw(`SELECT tenant, MAX(CASE WHEN last_activity >= ? THEN 1 ELSE 0 END) AS lively FROM conversations
		WHERE platform = ? GROUP BY tenant`, m.db.TimeArg(since), platform).Scan(ctx, &rows)
	for _, r := range rows {
		if r.Lively > 0 {
			lively = append(lively, r.Tenant)
		} else {
			quiet = append(quiet, r.Tenant)
		}
	}
	return quiet, lively, database.Explain(err)
}

// CountUnder returns how many conversations a platform has under these tenants.
func (m *PersistentConversationManager) CountUnder(ctx context.Context, platform string, tenants []string) (n int64, err error) {
	err = m.read().NewRaw(`SELECT COUNT(*) FROM conversations WHERE visible = 1 AND platform = ? AND tenant IN (?)`,
		platform, bun.List(tenants)).Scan(ctx, &n)
	return n, database.Explain(err)
}

// owned is a conversation and whose it is.
type owned struct {
	ID           int64  `bun:"id"`
	UserKey      string `bun:"user_key"`
	Tenant       string `bun:"tenant"`
	MessageCount int64  `bun:"message_count"`
}

// conversationsOf returns the conversations under exactly these user keys, in
// the order of their ids.
func (m *PersistentConversationManager) conversationsOf(ctx context.Context, from bun.IDB, tenant string, userKeys []string) ([]owned, error) {
	var rows []owned
	err := from.NewRaw(`SELECT id, user_key, tenant, message_count FROM conversations
		WHERE visible = 1 AND user_key IN (?) AND tenant = ? ORDER BY id`, bun.List(userKeys), tenant).Scan(ctx, &rows)
	// MySQL's = ignores trailing spaces.
	return slices.DeleteFunc(rows, func(r owned) bool {
		return r.Tenant != tenant || !slices.Contains(userKeys, r.UserKey)
	}), database.Explain(err)
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
// what these authors wrote before a time, and the replies to it, in slices.
func (m *PersistentConversationManager) EraseAuthored(ctx context.Context, tenant, room string, authors []string, before time.Time) error {
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
	ID        int64     `bun:"id"`
	Role      string    `bun:"role"`
	Author    string    `bun:"author"`
	Timestamp time.Time `bun:"timestamp"`
}

func (m *PersistentConversationManager) eraseIn(ctx context.Context, id int64, authors []string, before time.Time) error {
	theirs := false // what follows their message, up to somebody else's, is the reply to it
	for after := int64(0); ; {
		var page []said
		err := m.read().NewRaw(`SELECT id, role, author, timestamp FROM messages WHERE conversation_id = ? AND id > ? ORDER BY id LIMIT ?`,
			id, after, sliceRows).Scan(ctx, &page)
		if err != nil || len(page) == 0 {
			return database.Explain(err)
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
		held, err := m.lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		var counted, tokens int64 // of those that the counters know: cleared ones are off already
		err = tx.NewRaw(`SELECT COUNT(*), COALESCE(SUM(tokens), 0) FROM messages WHERE conversation_id = ? AND id >= ? AND id IN (?)`,
			id, held.FirstID, bun.List(doomed)).Scan(ctx, &counted, &tokens)
		if err != nil {
			return database.Explain(err)
		}
		if _, err := tx.NewRaw(`DELETE FROM messages WHERE conversation_id = ? AND id IN (?)`, id, bun.List(doomed)).Exec(ctx); err != nil {
			return database.Explain(err)
		}
		_, err = tx.NewRaw(`UPDATE conversations SET message_count = message_count - ?, total_tokens = total_tokens - ? WHERE id = ?`,
			counted, tokens, id).Exec(ctx)
		return database.Explain(err)
	})
}

// TokenHash returns the key under which the tokens of a user key are counted.
// It does not tell whose they are.
func TokenHash(userKey string) []byte { return userHash(userKey) }

// EraseTokens removes what is counted under these keys before a time, in slices.
func (m *PersistentConversationManager) EraseTokens(ctx context.Context, hashes [][]byte, before time.Time) error {
	for _, hash := range hashes {
		for {
			var times []int64
			err := m.read().NewRaw(`SELECT at FROM token_ledger WHERE user_hash = ? AND at < ? ORDER BY at LIMIT ?`,
				hash, before.UnixMicro(), sliceRows).Scan(ctx, &times)
			if err != nil {
				return database.Explain(err)
			}
			if len(times) == 0 {
				break
			}
			err = m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
				_, err := tx.NewRaw(`DELETE FROM token_ledger WHERE user_hash = ? AND at IN (?)`, hash, bun.List(times)).Exec(ctx)
				return database.Explain(err)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
