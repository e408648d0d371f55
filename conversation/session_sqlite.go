package conversation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// SQLiteSession is a [Session] in a SQLite file, which holds any number of
// sessions. It is safe for concurrent use, also by several processes.
//
// Its one table is parley_session_items, with the primary key (session_id,
// seq); seq counts up within a session. The file's user_version is the version
// of this schema.
type SQLiteSession struct {
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

// OpenSession opens the session called id in the file at path, which is made
// when missing; ":memory:" is a session that lives until Close.
func OpenSession(ctx context.Context, id, path string) (*SQLiteSession, error) {
	if id == "" || path == "" {
		return nil, invalidf("the session's id or path is empty")
	}
	if err := validText("the session's id", id, maxUserKey); err != nil {
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
	return &SQLiteSession{id: id, db: db}, nil
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
		if err := tx.NewRaw(`PRAGMA user_version`).Scan(ctx, &version); err != nil {
			return database.Explain(err)
		}
		if version > sessionVersion {
			return fmt.Errorf("the file was made by a newer version (%d)", version)
		}
		if _, err := tx.NewRaw(sessionTable).Exec(ctx); err != nil {
			return database.Explain(err)
		}
		if version == sessionVersion {
			return nil
		}
		_, err := tx.NewRaw(fmt.Sprintf(`PRAGMA user_version = %d`, sessionVersion)).Exec(ctx)
		return database.Explain(err)
	})
}

// itemRow is a row of parley_session_items.
type itemRow struct {
	bun.BaseModel `bun:"table:parley_session_items"`

	SessionID  string    `bun:"session_id,pk"`
	Seq        int64     `bun:"seq,pk"`
	ID         string    `bun:"id"`
	Kind       string    `bun:"kind"`
	Role       string    `bun:"role"`
	Content    string    `bun:"content"`
	ToolCallID string    `bun:"tool_call_id"`
	ToolName   string    `bun:"tool_name"`
	Arguments  string    `bun:"arguments"`
	Output     string    `bun:"output"`
	FromAgent  string    `bun:"from_agent"`
	ToAgent    string    `bun:"to_agent"`
	Reason     string    `bun:"reason"`
	CreatedAt  time.Time `bun:"created_at"`
}

func (r *itemRow) item() Item {
	return Item{
		ID: r.ID, Kind: ItemKind(r.Kind), Role: Role(r.Role), Content: r.Content,
		ToolCallID: r.ToolCallID, ToolName: r.ToolName, Arguments: r.Arguments, Output: r.Output,
		FromAgent: r.FromAgent, ToAgent: r.ToAgent, Reason: r.Reason, CreatedAt: r.CreatedAt.UTC(),
	}
}

// ID returns the session's id.
func (s *SQLiteSession) ID() string { return s.id }

// Close closes the file.
func (s *SQLiteSession) Close() error { return s.db.Close() }

// Items returns the last limit items, oldest first; 0 = all.
func (s *SQLiteSession) Items(ctx context.Context, limit int) ([]Item, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	var rows []itemRow
	q := s.db.Read().NewSelect().Model(&rows).Where("session_id = ?", s.id).OrderExpr("seq DESC")
	if limit > 0 {
		q = q.Limit(int64(limit))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, database.Explain(err)
	}
	items := make([]Item, len(rows))
	for i := range rows {
		items[len(rows)-1-i] = rows[i].item()
	}
	return items, nil
}

// Add appends items, all or nothing.
func (s *SQLiteSession) Add(ctx context.Context, items ...Item) error {
	list, err := prepareItems(items, s.db.Now())
	if err != nil || len(list) == 0 {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		var last int64
		err := tx.NewRaw(`SELECT COALESCE(MAX(seq), 0) FROM parley_session_items WHERE session_id = ?`, s.id).Scan(ctx, &last)
		if err != nil {
			return database.Explain(err)
		}
		for batch := range slices.Chunk(list, sliceRows) {
			rows := make([]itemRow, len(batch))
			for i, it := range batch {
				last++
				rows[i] = itemRow{
					SessionID: s.id, Seq: last, ID: it.ID, Kind: string(it.Kind), Role: string(it.Role), Content: it.Content,
					ToolCallID: it.ToolCallID, ToolName: it.ToolName, Arguments: it.Arguments, Output: it.Output,
					FromAgent: it.FromAgent, ToAgent: it.ToAgent, Reason: it.Reason, CreatedAt: it.CreatedAt,
				}
			}
			if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
				return database.Explain(err)
			}
		}
		return nil
	})
}

// Pop removes and returns the newest item.
func (s *SQLiteSession) Pop(ctx context.Context) (it Item, ok bool, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		it, ok = Item{}, false
		var rows []itemRow
		err := tx.NewSelect().Model(&rows).Where("session_id = ?", s.id).OrderExpr("seq DESC").Limit(1).Scan(ctx)
		if err != nil || len(rows) == 0 {
			return database.Explain(err)
		}
		it, ok = rows[0].item(), true
		_, err = tx.NewDelete().Model(&rows[0]).WherePK().Exec(ctx)
		return database.Explain(err)
	})
	if err != nil {
		return Item{}, false, err
	}
	return it, ok, nil
}

// Clear removes all items of this session.
func (s *SQLiteSession) Clear(ctx context.Context) error {
	return s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := tx.NewRaw(`DELETE FROM parley_session_items WHERE session_id = ?`, s.id).Exec(ctx)
		return database.Explain(err)
	})
}
