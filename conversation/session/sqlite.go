package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// SQLite is a [Session] in a SQLite file, which holds any number of
// sessions. It is safe for concurrent use, also by several processes.
//
// Its one table is parley_session_items, with the primary key (session_id,
// seq); seq counts up within a session. The file's user_version is the version
// of this schema.
type SQLite struct {
	id string
	db *database.DB
}

const (
	sessionVersion = 1
	sessionTable   = `CREATE TABLE IF NOT EXISTS parley_session_items (
		session_id TEXT NOT NULL,
		seq INTEGER NOT NULL,
		id TEXT NOT NULL,
		kind TEXT NOT NULL,
		role TEXT NOT NULL,
		content TEXT NOT NULL,
		tool_call_id TEXT NOT NULL,
		tool_name TEXT NOT NULL,
		arguments TEXT NOT NULL,
		output TEXT NOT NULL,
		from_agent TEXT NOT NULL,
		to_agent TEXT NOT NULL,
		reason TEXT NOT NULL,
		created_at TIMESTAMP NOT NULL,
		PRIMARY KEY (session_id, seq)
	) WITHOUT ROWID`
)

// Open opens the session called id in the file at path, which is made
// when missing; ":memory:" is a session that lives until Close.
func Open(ctx context.Context, id, path string) (*SQLite, error) {
	if id == "" || path == "" {
		return nil, message.Invalidf("the session's id or path is empty")
	}
	if err := message.ValidText("the session's id", id, message.MaxUserKey); err != nil {
		return nil, err
	}
	target := path
	if path != ":memory:" {
		target = "sqlite:///" + escapePath(path)
	}
	db, err := database.Open(ctx, database.Options{URL: target})
	if err != nil {
		return nil, fmt.Errorf("open the session: %w", err)
	}
	if err := migrateSession(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open the session %s: %w", db.Target, err), db.Close())
	}
	return &SQLite{id: id, db: db}, nil
}

func escapePath(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

func migrateSession(ctx context.Context, db *database.DB) error {
	return db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		var version int
		if err := db.QueryRow(ctx, tx, []any{&version}, `PRAGMA user_version`); err != nil {
			return err
		}
		if version > sessionVersion {
			return fmt.Errorf("the file was made by a newer version (%d)", version)
		}
		if _, err := db.Exec(ctx, tx, sessionTable); err != nil {
			return err
		}
		if version == sessionVersion {
			return nil
		}
		_, err := db.Exec(ctx, tx, fmt.Sprintf(`PRAGMA user_version = %d`, sessionVersion))
		return err
	})
}

// itemColumns are those of parley_session_items but its key.
const itemColumns = `id, kind, role, content, tool_call_id, tool_name, arguments, output, from_agent, to_agent, reason, created_at`

func (i *Item) dest() []any {
	return []any{
		&i.ID, &i.Kind, &i.Role, &i.Content, &i.ToolCallID, &i.ToolName, &i.Arguments, &i.Output,
		&i.FromAgent, &i.ToAgent, &i.Reason, &i.CreatedAt,
	}
}

// ID returns the session's id.
func (s *SQLite) ID() string { return s.id }

// Close closes the file.
func (s *SQLite) Close() error { return s.db.Close() }

// Items returns the last limit items, oldest first; 0 = all.
func (s *SQLite) Items(ctx context.Context, limit int) ([]Item, error) {
	if err := CheckLimit(limit); err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = math.MaxInt
	}
	items, err := database.All(ctx, s.db, s.db.Read(), (*Item).dest,
		`SELECT `+itemColumns+` FROM parley_session_items WHERE session_id = ? ORDER BY seq DESC LIMIT ?`, s.id, limit)
	slices.Reverse(items)
	for i := range items {
		items[i].CreatedAt = items[i].CreatedAt.UTC()
	}
	return items, err
}

// Add appends items, all or nothing.
func (s *SQLite) Add(ctx context.Context, items ...Item) error {
	list, err := Prepare(items, s.db.Now())
	if err != nil || len(list) == 0 {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		var last int64
		err := s.db.QueryRow(ctx, tx, []any{&last}, `SELECT COALESCE(MAX(seq), 0) FROM parley_session_items WHERE session_id = ?`, s.id)
		if err != nil {
			return err
		}
		rows := make([][]any, len(list))
		for i, it := range list {
			rows[i] = []any{
				s.id, last + int64(i) + 1, it.ID, string(it.Kind), string(it.Role), it.Content, it.ToolCallID, it.ToolName, it.Arguments, it.Output,
				it.FromAgent, it.ToAgent, it.Reason, s.db.TimeArg(it.CreatedAt),
			}
		}
		return s.db.InsertAll(ctx, tx, `INSERT INTO parley_session_items (session_id, seq, `+itemColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, rows)
	})
}

// Pop removes and returns the newest item.
func (s *SQLite) Pop(ctx context.Context) (it Item, ok bool, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		var seq int64
		it, ok = Item{}, false
		err := s.db.QueryRow(ctx, tx, append(it.dest(), &seq),
			`SELECT `+itemColumns+`, seq FROM parley_session_items WHERE session_id = ? ORDER BY seq DESC LIMIT 1`, s.id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		it.CreatedAt, ok = it.CreatedAt.UTC(), true
		_, err = s.db.Exec(ctx, tx, `DELETE FROM parley_session_items WHERE session_id = ? AND seq = ?`, s.id, seq)
		return err
	})
	if err != nil {
		return Item{}, false, err
	}
	return it, ok, nil
}

// Clear removes all items of this session.
func (s *SQLite) Clear(ctx context.Context) error {
	return s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := s.db.Exec(ctx, tx, `DELETE FROM parley_session_items WHERE session_id = ?`, s.id)
		return err
	})
}
