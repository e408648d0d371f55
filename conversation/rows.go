package conversation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

const (
	conversationColumns = `id, user_key, platform, chat_id, tenant, thread_id, created_at, last_activity,
	summary, total_tokens, message_count, model, persona, anchor, summary_end, summary_foreign`

	messageColumns = `m.id, m.conversation_id, m.role, m.author, m.content, m.timestamp, m.tokens, m.metadata_json, m.context_json`

	// boundedColumns are messageColumns without a text, or metadata, of more bytes
	// than the two arguments say: not even SQLite reads such a text.
	boundedColumns = `m.id, m.conversation_id, m.role, m.author,
	CASE WHEN octet_length(m.content) > ? THEN '' ELSE m.content END, m.timestamp, m.tokens,
	CASE WHEN octet_length(m.metadata_json) > ? THEN NULL ELSE m.metadata_json END, m.context_json`

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
	Anchor       int64
	SummaryEnd   int64
	Foreign      bool
}

// dest returns where the columns of conversationColumns are scanned to.
func (r *conversationRow) dest() []any {
	return []any{
		&r.ID, &r.UserKey, &r.Platform, &r.ChatID, &r.Tenant, &r.ThreadID, &r.CreatedAt, &r.LastActivity,
		&r.Summary, &r.TotalTokens, &r.MessageCount, &r.Model, &r.Persona, &r.Anchor, &r.SummaryEnd, &r.Foreign,
	}
}

func (r *conversationRow) conversation() *Conversation {
	return &Conversation{
		ID: r.ID, UserKey: r.UserKey, Platform: r.Platform, ChatID: r.ChatID, Tenant: r.Tenant, ThreadID: r.ThreadID,
		CreatedAt: r.CreatedAt.UTC(), LastActivity: r.LastActivity.UTC(), Summary: r.Summary.String,
		TotalTokens: r.TotalTokens, MessageCount: r.MessageCount, Model: r.Model, Persona: r.Persona,
		Anchor: r.Anchor, SummaryEnd: r.SummaryEnd, SummaryForeign: r.Foreign,
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
	Context        sql.NullString
}

// values returns the values of insertMessages for the row under an id of a conversation.
func (r *messageRow) values(db *database.DB, conversation, id int64) []any {
	return []any{conversation, id, r.Role, r.Author, r.Content, db.TimeArg(r.Timestamp), r.Tokens, r.Metadata, r.IsCommand, r.Context}
}

const insertMessages = `INSERT INTO messages (conversation_id, id, role, author, content, timestamp, tokens, metadata_json, is_command, context_json)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// counted reads of messages what the ledger counts; a condition follows.
const counted = `SELECT role, author, timestamp, tokens, is_command FROM messages WHERE conversation_id = ? `

func (r *messageRow) countedDest() []any {
	return []any{&r.Role, &r.Author, &r.Timestamp, &r.Tokens, &r.IsCommand}
}

// size returns about how many bytes the row takes.
func (r *messageRow) size() int {
	return len(r.Content) + len(r.Metadata.String) + len(r.Context.String) + len(r.Author) + 64
}

// metadataWeight is about how many bytes one of metadata takes once it is decoded.
const metadataWeight = 32

// messages reads rows of messageColumns, until they take size bytes, and returns
// how many of those are left.
func (m *PersistentConversationManager) messages(ctx context.Context, from database.Reader, size int, query string, args ...any) (list []Message, left int, err error) {
	err = m.db.Query(ctx, from, func(rows *sql.Rows) error {
		var msg Message
		var metadata, beside sql.NullString
		err := rows.Scan(&msg.ID, &msg.ConversationID, &msg.Role, &msg.Author, &msg.Content, &msg.Timestamp, &msg.Tokens, &metadata, &beside)
		if err != nil {
			return err
		}
		if beside.Valid {
			if err := message.DecodeBeside(&msg, beside.String); err != nil {
				return fmt.Errorf("message %d of conversation %d: %w", msg.ID, msg.ConversationID, err)
			}
		}
		msg.Timestamp = msg.Timestamp.UTC()
		if msg.Metadata, err = message.DecodeMetadata(metadata.String); err != nil {
			return fmt.Errorf("message %d of conversation %d: metadata: %w", msg.ID, msg.ConversationID, err)
		}
		list = append(list, msg)
		if size -= len(msg.Content) + len(beside.String) + metadataWeight*len(metadata.String); size <= 0 {
			return errSeen
		}
		return nil
	}, query, args...)
	if errors.Is(err, errSeen) {
		err = nil
	}
	return list, size, err
}

// after returns up to n messages with ids above after, oldest first, and how many
// of size bytes they have left: it ends when they take more.
func (m *PersistentConversationManager) after(ctx context.Context, from database.Reader, id, after int64, n, size int) ([]Message, int, error) {
	return m.messages(ctx, from, size, m.sql.after, id, after, n)
}

const (
	exportPage = 500     // how many messages are read at once
	pageBytes  = 4 << 20 // about how much memory they may take
)

// pages gives page all messages with ids above after, oldest first, some at a time.
func (m *PersistentConversationManager) pages(ctx context.Context, from database.Reader, id, after int64, page func([]Message) error) error {
	for n := exportPage; ; {
		msgs, left, err := m.after(ctx, from, id, after, n, pageBytes)
		if err != nil {
			return fmt.Errorf("conversation %d: %w", id, err)
		}
		if len(msgs) == 0 {
			return nil
		}
		if err := page(msgs); err != nil {
			return err
		}
		if len(msgs) < n && left > 0 {
			return nil
		}
		after = msgs[len(msgs)-1].ID
		n = min(2*len(msgs), exportPage) // no more than will be used
	}
}

// errSeen ends a reading that has seen what it wanted.
var errSeen = errors.New("seen")
