package conversation

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/migrations"
)

// vacuumPages is how many pages of a SQLite file are given back at once: few
// enough that a waiting webhook does not notice.
const vacuumPages = 64

// Vacuum gives the space of deleted rows back without blocking webhooks:
// SQLite's incremental_vacuum in small slices, PostgreSQL's VACUUM (ANALYZE),
// OPTIMIZE TABLE on MySQL and MariaDB, on this program's tables only.
func (m *PersistentConversationManager) Vacuum(ctx context.Context) error {
	return m.VacuumWith(ctx, nil)
}

// VacuumWith is Vacuum that tells how far it is. progress may be nil.
func (m *PersistentConversationManager) VacuumWith(ctx context.Context, progress Progress) error {
	if m.db.Engine() == database.SQLite {
		return m.vacuumSQLite(ctx, progress)
	}
	command, tables := `VACUUM (ANALYZE) `, `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	if m.db.Engine() == database.MySQL {
		command, tables = `OPTIMIZE TABLE `, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()`
	}
	var there []string
	if err := m.read().NewRaw(tables).Scan(ctx, &there); err != nil {
		return database.Explain(err)
	}
	tablesToDo := migrations.Tables()
	for i, table := range tablesToDo {
		progress.report(int64(i), int64(len(tablesToDo)))
		if !slices.Contains(there, table) {
			continue
		}
		if err := m.maintain(ctx, command+table); err != nil {
			return fmt.Errorf("vacuum of %s: %w", table, err)
		}
	}
	return nil
}

// VacuumFull rewrites a whole SQLite file, which blocks every writer
// meanwhile: it is refused with [database.ErrInUse] while a server uses the
// file. On the other databases it is Vacuum.
func (m *PersistentConversationManager) VacuumFull(ctx context.Context) error {
	if m.db.Engine() != database.SQLite {
		return m.Vacuum(ctx)
	}
	release, err := m.db.LockFile()
	if err != nil {
		return err
	}
	defer release()
	// A file that another program made takes on incremental mode here.
	for _, statement := range []string{`PRAGMA auto_vacuum = incremental`, `VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if err := m.maintain(ctx, statement); err != nil {
			return fmt.Errorf("vacuum: %w", err)
		}
	}
	return nil
}

func (m *PersistentConversationManager) vacuumSQLite(ctx context.Context, progress Progress) error {
	free, err := m.freePages(ctx)
	total := free
	for err == nil && free > 0 {
		if err = m.maintain(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, vacuumPages)); err != nil {
			break
		}
		before := free
		if free, err = m.freePages(ctx); free >= before {
			break // another program's file without incremental mode, or savers are faster
		}
		progress.report(total-free, total)
	}
	if err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	// Passive: it waits for nobody. The file shrinks as far as readers allow.
	return m.maintain(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
}

func (m *PersistentConversationManager) freePages(ctx context.Context) (n int64, err error) {
	err = m.db.Maintenance().NewRaw(`PRAGMA freelist_count`).Scan(ctx, &n)
	return n, database.Explain(err)
}

// maintain runs a statement outside a transaction and reads all its rows:
// SQLite vacuums one page for each.
func (m *PersistentConversationManager) maintain(ctx context.Context, statement string) error {
	rows, err := m.db.Maintenance().QueryContext(ctx, statement)
	if err != nil {
		return database.Explain(err)
	}
	defer func() { _ = rows.Close() }() // Err tells what failed
	for rows.Next() {
	}
	return database.Explain(rows.Err())
}
