package conversation

import (
	"context"
	"database/sql"
	"fmt"

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
	if m.sql.vacuum == "" {
		return m.vacuumFile(ctx, progress)
	}
	tables := migrations.Tables()
	for i, table := range tables {
		progress.Report(int64(i), int64(len(tables)))
		there, err := m.db.HasTable(ctx, table)
		if err != nil {
			return err
		}
		if !there { // a migration has not been made yet
			continue
		}
		if err := m.maintain(ctx, m.sql.vacuum+table); err != nil {
			return fmt.Errorf("vacuum of %s: %w", table, err)
		}
	}
	return nil
}

// VacuumFull rewrites a whole SQLite file, which blocks every writer
// meanwhile: it is refused with [database.ErrInUse] while a server uses the
// file. On the other databases it is Vacuum.
func (m *PersistentConversationManager) VacuumFull(ctx context.Context) error {
	if m.sql.vacuum != "" {
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

func (m *PersistentConversationManager) vacuumFile(ctx context.Context, progress Progress) error {
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
		progress.Report(total-free, total)
	}
	if err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	// Passive: it waits for nobody. The file shrinks as far as readers allow.
	return m.maintain(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
}

func (m *PersistentConversationManager) freePages(ctx context.Context) (n int64, err error) {
	err = m.db.QueryRow(ctx, m.db.Maintenance(), []any{&n}, `PRAGMA freelist_count`)
	return n, err
}

// maintain runs a statement outside a transaction and reads all its rows:
// SQLite vacuums one page for each.
func (m *PersistentConversationManager) maintain(ctx context.Context, statement string) error {
	return m.db.Query(ctx, m.db.Maintenance(), func(*sql.Rows) error { return nil }, statement)
}
