package conversation

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/parley-bot/parley/internal/database"
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
	err := m.read().NewRaw(`SELECT COUNT(*), COALESCE(SUM(message_count), 0), COALESCE(SUM(total_tokens), 0)
		FROM conversations WHERE visible = 1`).Scan(ctx, &s.TotalConversations, &s.TotalMessages, &s.TotalTokens)
	if err != nil || s.TotalConversations == 0 {
		return Stats{}, database.Explain(err)
	}
	s.AverageMessagesPerConversation = average(s.TotalMessages, s.TotalConversations)
	s.AverageTokensPerConversation = average(s.TotalTokens, s.TotalConversations)
	err = m.read().NewRaw(`SELECT message_count, user_key FROM conversations WHERE visible = 1
		ORDER BY message_count DESC, id LIMIT 1`).Scan(ctx, &s.LongestConversationMessages, &s.LongestConversationUser)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Stats{}, database.Explain(err)
	}
	return s, nil
}

func average(sum, n int64) float64 {
	return math.Round(float64(sum)/float64(n)*100) / 100
}

// RealmStats returns how many conversations and messages a tenant has on a platform.
func (m *PersistentConversationManager) RealmStats(ctx context.Context, tenant, platform string) (conversations, messages int64, err error) {
	err = m.read().NewRaw(`SELECT COUNT(*), COALESCE(SUM(message_count), 0) FROM conversations
		WHERE visible = 1 AND `+m.exactly("tenant")+` AND `+m.exactly("platform"), tenant, tenant, platform, platform).Scan(ctx, &conversations, &messages)
	return conversations, messages, database.Explain(err)
}
