package conversation

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

const (
	conversationColumns = `id, user_key, platform, chat_id, tenant, thread_id, created_at, last_activity,
	summary, total_tokens, message_count, model, persona`

	messageColumns = `m.id, m.conversation_id, m.role, m.author, m.content, m.timestamp, m.tokens, m.metadata_json`

	// boundedColumns are messageColumns without a text, or metadata, of more bytes
	// than the two arguments say: not even SQLite reads such a text.
	boundedColumns = `m.id, m.conversation_id, m.role, m.author,
	CASE WHEN octet_length(m.content) > ? THEN '' ELSE m.content END, m.timestamp, m.tokens,
	CASE WHEN octet_length(m.metadata_json) > ? THEN NULL ELSE m.metadata_json END`

	// messagesSource is where every reader takes messages from: only those that
	// are not cleared, of a conversation that is there. The conversation is one
	// row by its primary key, so this costs the same for any length.
	messagesSource = ` FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.id >= c.first_id
	WHERE c.id = ? AND c.visible = 1`
)

// conversationRow is a row of conversations.
type conversationRow struct {
	bun.BaseModel `bun:"table:conversations"`

	ID           int64          `bun:"id,pk,autoincrement"`
	UserKey      string         `bun:"user_key"`
	Platform     string         `bun:"platform"`
	ChatID       string         `bun:"chat_id"`
	Tenant       string         `bun:"tenant"`
	ThreadID     string         `bun:"thread_id"`
	CreatedAt    time.Time      `bun:"created_at"`
	LastActivity time.Time      `bun:"last_activity"`
	Summary      sql.NullString `bun:"summary"`
	TotalTokens  int64          `bun:"total_tokens"`
	MessageCount int64          `bun:"message_count"`
	Model        string         `bun:"model"`
	Persona      string         `bun:"persona"`
}

// dest returns where the columns of conversationColumns are scanned to.
func (r *conversationRow) dest() []any {
	return []any{
		&r.ID, &r.UserKey, &r.Platform, &r.ChatID, &r.Tenant, &r.ThreadID, &r.CreatedAt, &r.LastActivity,
		&r.Summary, &r.TotalTokens, &r.MessageCount, &r.Model, &r.Persona,
	}
}

func (r *conversationRow) conversation() *Conversation {
	return &Conversation{
		ID: r.ID, UserKey: r.UserKey, Platform: r.Platform, ChatID: r.ChatID, Tenant: r.Tenant, ThreadID: r.ThreadID,
		CreatedAt: r.CreatedAt.UTC(), LastActivity: r.LastActivity.UTC(), Summary: r.Summary.String,
		TotalTokens: r.TotalTokens, MessageCount: r.MessageCount, Model: r.Model, Persona: r.Persona,
	}
}

// messageRow is a row of messages.
type messageRow struct {
	bun.BaseModel `bun:"table:messages"`

	ConversationID int64          `bun:"conversation_id,pk"`
	ID             int64          `bun:"id,pk"`
	Role           string         `bun:"role"`
	Author         string         `bun:"author"`
	Content        string         `bun:"content"`
	Timestamp      time.Time      `bun:"timestamp"`
	Tokens         int64          `bun:"tokens"`
	Metadata       sql.NullString `bun:"metadata_json"`
	IsCommand      int            `bun:"is_command"`
}

// size returns about how many bytes the row takes.
func (r *messageRow) size() int { return len(r.Content) + len(r.Metadata.String) + len(r.Author) + 64 }

// metadataWeight is about how many bytes one of metadata takes once it is decoded.
const metadataWeight = 32

// scanMessages reads rows of messageColumns and closes them.
func scanMessages(rows *sql.Rows, into []Message) ([]Message, error) {
	into, _, err := scanSome(rows, into, math.MaxInt)
	return into, err
}

// scanSome is scanMessages that ends when the messages take size bytes, and
// returns how many of those are left.
func scanSome(rows *sql.Rows, into []Message, size int) (_ []Message, left int, err error) {
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = database.Explain(closeErr)
		}
	}()
	for size > 0 && rows.Next() {
		var m Message
		var metadata sql.NullString
		if err := rows.Scan(&m.ID, &m.ConversationID, &m.Role, &m.Author, &m.Content, &m.Timestamp, &m.Tokens, &metadata); err != nil {
			return nil, 0, database.Explain(err)
		}
		m.Timestamp = m.Timestamp.UTC()
		if m.Metadata, err = decodeMetadata(metadata.String); err != nil {
			return nil, 0, fmt.Errorf("message %d of conversation %d: metadata: %w", m.ID, m.ConversationID, err)
		}
		into = append(into, m)
		size -= len(m.Content) + metadataWeight*len(metadata.String)
	}
	return into, size, database.Explain(rows.Err())
}

// encodeMetadata returns the text that is kept; NULL when there is none.
func encodeMetadata(metadata map[string]any) (sql.NullString, error) {
	if len(metadata) == 0 {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return sql.NullString{}, invalidf("metadata cannot be written as JSON (%v)", err)
	}
	return sql.NullString{String: string(text), Valid: true}, nil
}

func decodeMetadata(text string) (map[string]any, error) {
	if text == "" || text == "{}" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var metadata map[string]any
	if err := d.Decode(&metadata); err != nil {
		return nil, err
	}
	plainNumbers(metadata)
	return metadata, nil
}

// plainNumbers turns numbers into float64, as encoding/json does, except
// those that a float64 would change: 9007199254740993 stays what it is.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = plainNumbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = plainNumbers(value)
		}
	case json.Number:
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return v
		}
		if text, err := json.Marshal(f); err == nil && bytes.Equal(text, []byte(v)) {
			return f
		}
	}
	return v
}
