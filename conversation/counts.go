package conversation

import (
	"context"
	"time"

	"github.com/parley-bot/parley/conversation/tokens"
	"github.com/parley-bot/parley/internal/database"
)

// TokensUsed returns the tokens that userKey has used since a time, over all
// its conversations: its user and assistant messages by their timestamp, without
// commands and their answers, and what UpdateStats added. Where a message names
// another author, its tokens are the author's too. Clear and Delete give nothing
// back. Within the last 62 days since counts to the microsecond, before that by the
// day (UTC).
func (m *PersistentConversationManager) TokensUsed(ctx context.Context, userKey string, since time.Time) (int64, error) {
	return m.tokens.Used(ctx, userKey, since)
}

// Tokens returns the ledger that the tokens of messages are counted in.
func (m *PersistentConversationManager) Tokens() *tokens.Ledger { return m.tokens }

// countTx adds the tokens of rows, times sign, to what userKey and their authors
// have used.
func (m *PersistentConversationManager) countTx(ctx context.Context, tx database.Tx, userKey string, rows []messageRow, sign int64) error {
	var list []tokens.Entry
	for i := range rows {
		r := &rows[i]
		if r.Tokens == 0 || r.IsCommand != 0 || (r.Role != string(RoleUser) && r.Role != string(RoleAssistant)) {
			continue
		}
		e := tokens.Entry{User: tokens.Hash(userKey), At: r.Timestamp.UnixMicro(), Tokens: sign * r.Tokens}
		list = append(list, e)
		if r.Author != "" && r.Author != userKey {
			e.User = tokens.Hash(r.Author)
			list = append(list, e)
		}
	}
	return m.tokens.AddTx(ctx, tx, list)
}
