package conversation

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// TokensUsed returns the tokens that userKey has used since a time, over all
// its conversations: its user and assistant messages by their timestamp, without
// commands and their answers, and
// what UpdateStats added. Where a message names another author, its tokens are
// the author's too. Clear and Delete give nothing back. Within the last 62 days
// since counts to the microsecond, before that by the day (UTC).
func (m *PersistentConversationManager) TokensUsed(ctx context.Context, userKey string, since time.Time) (int64, error) {
	var tokens int64
	err := m.db.QueryRow(ctx, m.read(), []any{&tokens}, `SELECT COALESCE(SUM(tokens), 0) FROM token_ledger WHERE user_hash = ? AND at >= ?`,
		userHash(userKey), since.UnixMicro())
	return tokens, err
}

// entry is a row of token_ledger: what one user used at one microsecond.
type entry struct {
	user   []byte
	at     int64 // microseconds since 1970
	tokens int64
}

func userHash(userKey string) []byte { return database.Hash("tokens", userKey) }

// ledgerOf returns what rows add to the ledger, times sign: an entry for each
// row of it, in the order in which those are locked.
func ledgerOf(userKey string, rows []messageRow, sign int64) []entry {
	var list []entry
	for i := range rows {
		r := &rows[i]
		if r.Tokens == 0 || r.IsCommand != 0 || (r.Role != string(RoleUser) && r.Role != string(RoleAssistant)) {
			continue
		}
		e := entry{userHash(userKey), r.Timestamp.UnixMicro(), sign * r.Tokens}
		list = append(list, e)
		if r.Author != "" && r.Author != userKey {
			e.user = userHash(r.Author)
			list = append(list, e)
		}
	}
	slices.SortFunc(list, compareEntries)
	kept := list[:0]
	for _, e := range list {
		if last := len(kept) - 1; last >= 0 && compareEntries(kept[last], e) == 0 {
			kept[last].tokens += e.tokens
			continue
		}
		kept = append(kept, e)
	}
	return kept
}

func compareEntries(a, b entry) int {
	return cmp.Or(bytes.Compare(a.user, b.user), cmp.Compare(a.at, b.at))
}

func (m *PersistentConversationManager) countTokens(ctx context.Context, tx database.Tx, list []entry) error {
	for _, e := range list {
		if _, err := m.db.Exec(ctx, tx, m.sql.count, e.user, e.at, e.tokens); err != nil {
			return err
		}
	}
	return nil
}
