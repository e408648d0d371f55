package conversation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/parley-bot/parley/conversation/tokens"
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
	db     *database.DB
	owned  bool // Close closes db
	sql    dialect
	tokens *tokens.Ledger
	close  sync.Once
	gone   func(context.Context, database.Tx, Gone) error // nil: nobody wants to know
	// filled are conversations that have a block for Index to build.
	filled chan int64
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
func New(_ context.Context, db *database.DB) (*PersistentConversationManager, error) {
	return &PersistentConversationManager{db: db, sql: dialectOf(db.Engine()), tokens: tokens.New(db), filled: make(chan int64, maxFilled)}, nil
}

// Close closes the database when [Open] opened it. It may be called twice.
func (m *PersistentConversationManager) Close() error {
	var err error
	m.close.Do(func() {
		if m.owned {
			err = m.db.Close()
		}
	})
	return err
}

// read returns the pool for queries outside a transaction.
func (m *PersistentConversationManager) read() database.Reader { return m.db.Read() }
