package conversation

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// sqliteMagic begins each SQLite file (https://www.sqlite.org/fileformat.html).
const sqliteMagic = "SQLite format 3\x00"

// IsOriginal reports whether a file is a database rather than an export: one of
// feishu-webhook-bot, whose store this one follows.
func IsOriginal(file io.ReaderAt) bool {
	start := make([]byte, len(sqliteMagic))
	_, err := file.ReadAt(start, 0)
	return err == nil && bytes.Equal(start, []byte(sqliteMagic))
}

// ImportOriginal imports each conversation of a database of feishu-webhook-bot
// and tells done of it. That program could begin two conversations of one key:
// what a second one holds is added to the first. It only reads the file.
func (m *PersistentConversationManager) ImportOriginal(ctx context.Context, path string, mode ImportMode, done func(*Conversation, error)) error {
	db, err := database.OpenForeign(path)
	if err != nil {
		return err
	}
	defer db.Close()
	heads, err := originalHeads(ctx, db)
	if err != nil {
		return err
	}
	seen := map[Key]bool{}
	for i := range heads {
		head := &heads[i]
		mode := mode
		if seen[head.Key()] {
			mode = ImportMerge
		}
		seen[head.Key()] = true
		messages, err := originalMessages(ctx, db, head.ID)
		if err == nil {
			var c *Conversation
			c, err = m.Import(ctx, Archive{Conversation: *head, Messages: messages}, mode)
			if err == nil {
				done(c, nil)
				continue
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(head, err)
	}
	return nil
}

func originalHeads(ctx context.Context, db *database.DB) ([]Conversation, error) {
	persona := "''" // earlier versions of it have no such column
	var n int
	err := db.QueryRow(ctx, db.Read(), []any{&n}, "SELECT COUNT(*) FROM pragma_table_info('conversations') WHERE name = 'active_persona_id'")
	if err != nil {
		return nil, err
	}
	if n > 0 {
		persona = "COALESCE(active_persona_id, '')"
	}
	return database.All(ctx, db, db.Read(), func(c *Conversation) []any {
		return []any{
			&c.ID, &c.UserKey, &c.Platform, &c.ChatID, originalTime{&c.CreatedAt}, originalTime{&c.LastActivity}, &c.Summary, &c.Persona,
		}
	}, "SELECT id, COALESCE(user_key, ''), COALESCE(platform, ''), COALESCE(chat_id, ''), CAST(created_at AS TEXT), CAST(last_activity AS TEXT), "+
		"COALESCE(summary, ''), "+persona+" FROM conversations ORDER BY id")
}

func originalMessages(ctx context.Context, db *database.DB, id int64) ([]Message, error) {
	type row struct {
		Message

		metadata string
	}
	rows, err := database.All(ctx, db, db.Read(), func(r *row) []any {
		return []any{&r.Role, &r.Content, originalTime{&r.Timestamp}, &r.Tokens, &r.metadata}
	}, "SELECT role, COALESCE(content, ''), CAST(timestamp AS TEXT), MAX(COALESCE(tokens, 0), 0), COALESCE(metadata_json, '') "+
		"FROM messages WHERE conversation_id = ? ORDER BY id", id)
	if err != nil {
		return nil, err
	}
	messages := make([]Message, len(rows))
	for i := range rows {
		messages[i] = rows[i].Message
		if !messages[i].Role.Valid() {
			return nil, message.Invalidf("messages[%d]: role %q is none of user, assistant, system, tool", i, messages[i].Role)
		}
		if rows[i].metadata == "" {
			continue
		}
		if messages[i].Metadata, err = message.DecodeMetadata(rows[i].metadata); err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
	}
	return messages, nil
}

// originalTime scans a time as SQLAlchemy writes it for SQLite: in UTC, without saying so.
type originalTime struct{ into *time.Time }

// Scan implements sql.Scanner.
func (t originalTime) Scan(value any) (err error) {
	text, _ := value.(string)
	*t.into, err = message.ParseTime("time", &text)
	return err
}
