package conversation

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

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
	ID           int64
	UserKey      string
	Platform     string
	ChatID       string
	Tenant       string
	ThreadID     string
	CreatedAt    time.Time
	LastActivity time.Time
	Summary      sql.NullString
	TotalTokens  int64
	MessageCount int64
	Model        string
	Persona      string
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
	ConversationID int64
	ID             int64
	Role           string
	Author         string
	Content        string
	Timestamp      time.Time
	Tokens         int64
	Metadata       sql.NullString
	IsCommand      int
}

// values returns the values of insertMessages for the row under an id of a conversation.
func (r *messageRow) values(db *database.DB, conversation, id int64) []any {
	return []any{conversation, id, r.Role, r.Author, r.Content, db.TimeArg(r.Timestamp), r.Tokens, r.Metadata, r.IsCommand}
}

// insertMessages ends where the values of rows follow, see [database.DB.InsertAll].
const insertMessages = `INSERT INTO messages (conversation_id, id, role, author, content, timestamp, tokens, metadata_json, is_command) VALUES`

// counted reads of messages what the ledger counts; a condition follows.
const counted = `SELECT role, author, timestamp, tokens, is_command FROM messages WHERE conversation_id = ? `

func (r *messageRow) countedDest() []any {
	return []any{&r.Role, &r.Author, &r.Timestamp, &r.Tokens, &r.IsCommand}
}

// size returns about how many bytes the row takes.
func (r *messageRow) size() int { return len(r.Content) + len(r.Metadata.String) + len(r.Author) + 64 }

// metadataWeight is about how many bytes one of metadata takes once it is decoded.
const metadataWeight = 32

// messages reads rows of messageColumns, until they take size bytes, and returns
// how many of those are left.
func (m *PersistentConversationManager) messages(ctx context.Context, from database.Reader, size int, query string, args ...any) (list []Message, left int, err error) {
	err = m.db.Query(ctx, from, func(rows *sql.Rows) error {
		var msg Message
		var metadata sql.NullString
		err := rows.Scan(&msg.ID, &msg.ConversationID, &msg.Role, &msg.Author, &msg.Content, &msg.Timestamp, &msg.Tokens, &metadata)
		if err != nil {
			return err
		}
		msg.Timestamp = msg.Timestamp.UTC()
		if msg.Metadata, err = decodeMetadata(metadata.String); err != nil {
			return fmt.Errorf("message %d of conversation %d: metadata: %w", msg.ID, msg.ConversationID, err)
		}
		list = append(list, msg)
		if size -= len(msg.Content) + metadataWeight*len(metadata.String); size <= 0 {
			return errSeen
		}
		return nil
	}, query, args...)
	if errors.Is(err, errSeen) {
		err = nil
	}
	return list, size, err
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
