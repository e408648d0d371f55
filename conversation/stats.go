package conversation

import (
	"context"
	"database/sql"
	"errors"
	"math"
)

// Stats are figures over all conversations. Averages have two decimals.
type Stats struct {
	TotalConversations             int64   `json:"total_conversations"`
	TotalMessages                  int64   `json:"total_messages"`
	TotalTokens                    int64   `json:"total_tokens"`
	AverageMessagesPerConversation float64 `json:"average_messages_per_conversation"`
	AverageTokensPerConversation   float64 `json:"average_tokens_per_conversation"`
	LongestConversationMessages    int64   `json:"longest_conversation_messages"`
	LongestConversationUser        string  `json:"longest_conversation_user"`
}

// Stats returns figures over all conversations, from their counters: no message is read.
func (m *PersistentConversationManager) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := m.db.QueryRow(ctx, m.read(), []any{&s.TotalConversations, &s.TotalMessages, &s.TotalTokens},
		`SELECT COUNT(*), COALESCE(SUM(message_count), 0), COALESCE(SUM(total_tokens), 0) FROM conversations WHERE visible = 1`)
	if err != nil || s.TotalConversations == 0 {
		return Stats{}, err
	}
	s.AverageMessagesPerConversation = average(s.TotalMessages, s.TotalConversations)
	s.AverageTokensPerConversation = average(s.TotalTokens, s.TotalConversations)
	err = m.db.QueryRow(ctx, m.read(), []any{&s.LongestConversationMessages, &s.LongestConversationUser},
		`SELECT message_count, user_key FROM conversations WHERE visible = 1 ORDER BY message_count DESC, id LIMIT 1`)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Stats{}, err
	}
	return s, nil
}

func average(sum, n int64) float64 {
	return math.Round(float64(sum)/float64(n)*100) / 100
}

// RealmStats returns how many conversations and messages a tenant has on a platform.
func (m *PersistentConversationManager) RealmStats(ctx context.Context, tenant, platform string) (conversations, messages int64, err error) {
	err = m.db.QueryRow(ctx, m.read(), []any{&conversations, &messages}, `SELECT COUNT(*), COALESCE(SUM(message_count), 0) FROM conversations
		WHERE visible = 1 AND `+m.exactly("tenant")+` AND `+m.exactly("platform"), tenant, tenant, platform, platform)
	return conversations, messages, err
}
