package conversation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/migrations"
)

// Options say where conversations are kept.
type Options struct {
	DBURL   string // sqlite:///rel.db, sqlite:////abs.db, sqlite:///:memory:, postgresql://…, postgres://…, mysql://…; "" = SQLite in DataDir
	DataDir string // default "data"; the file is conversations.db
	Echo    bool   // log SQL
}

// PersistentConversationManager keeps conversations in a database. It is safe
// for concurrent use.
type PersistentConversationManager struct {
	db    *database.DB
	owned bool // Close closes db
	stmt  statements
	loads *sql.Stmt // the history query, on the reading pool
	close sync.Once
	gone  func(context.Context, database.Tx, Gone) error // nil: nobody wants to know
}

// Open makes the directory and the database when missing, brings its schema up
// to date and returns a manager that owns it.
func Open(ctx context.Context, opts Options) (*PersistentConversationManager, error) {
	db, err := database.Open(ctx, database.Options{
		URL: opts.DBURL, DataDir: opts.DataDir, Echo: opts.Echo, Logger: slog.Default(),
	})
	if err != nil {
		return nil, fmt.Errorf("open the conversation store: %w", err)
	}
	if _, err := migrations.Up(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open the conversation store: %w", err), db.Close())
	}
	m, err := New(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	m.owned = true
	return m, nil
}

// New returns a manager on a database that is open and migrated. Close leaves db open.
func New(ctx context.Context, db *database.DB) (*PersistentConversationManager, error) {
	m := &PersistentConversationManager{db: db}
	var err error
	if m.stmt, err = prepare(ctx, db); err != nil {
		return nil, fmt.Errorf("open the conversation store: %w", err)
	}
	if m.loads, err = prepareHistory(ctx, db); err != nil {
		return nil, fmt.Errorf("open the conversation store: %w", err)
	}
	return m, nil
}

// Close gives back what the manager holds, and closes the database when [Open]
// opened it. It may be called twice.
func (m *PersistentConversationManager) Close() error {
	var err error
	m.close.Do(func() {
		err = m.loads.Close()
		if m.owned {
			err = errors.Join(err, m.db.Close())
		}
	})
	return err
}

// statements are the hot ones; they run inside db.Write.
type statements struct {
	touch, find, create *database.Stmt
	reserve, reserved   *database.Stmt
	insert, count       *database.Stmt
}

func prepare(ctx context.Context, db *database.DB) (statements, error) {
	var s statements
	returning := "" // MySQL does not know it, and on SQLite it makes each call keep a journal of its own
	onDuplicate := "ON CONFLICT (identity) DO NOTHING"
	addTokens := "ON CONFLICT (user_hash, at) DO UPDATE SET tokens = token_ledger.tokens + excluded.tokens"
	if db.Engine() == database.Postgres {
		returning = " RETURNING next_id, user_key"
	}
	if db.Engine() == database.MySQL {
		onDuplicate = "ON DUPLICATE KEY UPDATE identity = identity"
		addTokens = "ON DUPLICATE KEY UPDATE tokens = tokens + VALUES(tokens)"
	}
	for _, one := range []struct {
		to   **database.Stmt
		text string
	}{
		{&s.touch, `UPDATE conversations SET last_activity = ? WHERE identity = ? AND visible = 1`},
		{&s.find, `SELECT ` + conversationColumns + ` FROM conversations WHERE identity = ? AND visible = 1`},
		{&s.create, `INSERT INTO conversations
			(identity, user_key, platform, chat_id, tenant, thread_id, created_at, last_activity)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ` + onDuplicate},
		{&s.reserve, `UPDATE conversations SET next_id = next_id + ?, message_count = message_count + ?,
			total_tokens = total_tokens + ?, last_activity = ? WHERE id = ? AND visible = 1` + returning},
		{&s.reserved, `SELECT next_id, user_key FROM conversations WHERE id = ?`},
		{&s.insert, `INSERT INTO messages
			(conversation_id, id, role, author, content, timestamp, tokens, metadata_json, is_command)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.count, `INSERT INTO token_ledger (user_hash, at, tokens) VALUES (?, ?, ?) ` + addTokens},
	} {
		var err error
		if *one.to, err = db.Prepare(ctx, one.text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// read returns the pool for queries outside a transaction.
func (m *PersistentConversationManager) read() *bun.DB { return m.db.Read() }
