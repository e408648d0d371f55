package database

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/failure"
)

const (
	// snapshots is how many connections there are for snapshots, apart from those
	// that turns read with: however slowly somebody takes what is read in one,
	// nobody else waits. More would let old rows pile up, which a database keeps
	// as long as a snapshot may still ask for them.
	snapshots = 8
	// slowSnapshots is how many of them those may have who take their time. The
	// last one is for work of our own, such as backups, which takes turns.
	slowSnapshots = snapshots - 1
	// snapshotIdle is how long a server waits, in seconds, for the next statement
	// of a snapshot: as long as somebody slow may take to fetch a part of an
	// export. Unlike the transactions of idleLimit it holds no locks.
	snapshotIdle = "600"
	// snapshotAgain is when somebody who found all of them taken may come back.
	snapshotAgain = 10 * time.Second
	// snapshotKept is for how long an idle connection of a server is kept.
	snapshotKept = time.Minute
)

// Reader is what a snapshot is read from.
type Reader = bun.IDB

// Snapshot runs fn in a reading transaction in which nothing changes, so that
// what is read in several steps fits together. It is for work of our own and
// waits for its turn. A database in memory has one connection, which nobody may
// keep: there fn reads what is there at each step, see [DB.Steps].
func (db *DB) Snapshot(ctx context.Context, fn func(from Reader) error) error {
	if db.Steps() {
		return fn(db.read)
	}
	return db.snapshot(ctx, fn)
}

// SlowSnapshot is Snapshot for somebody who may take long between two steps.
// It does not wait: when too many have one it is failure.Unavailable.
func (db *DB) SlowSnapshot(ctx context.Context, fn func(from Reader) error) error {
	select {
	case db.slow <- struct{}{}:
		defer func() { <-db.slow }()
		return db.Snapshot(ctx, fn)
	default:
		return &failure.Error{
			Kind: failure.Unavailable, Code: "busy", Wait: snapshotAgain,
			Safe: "too many exports are being downloaded; try again later",
		}
	}
}

// Steps reports that what [DB.Snapshot] reads in several steps may change
// between them.
func (db *DB) Steps() bool { return db.Target.Memory() }

func (db *DB) snapshot(ctx context.Context, fn func(from Reader) error) (err error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Engine() != SQLite { // where every transaction is a snapshot
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.snaps.BeginTx(ctx, opts)
	if err != nil {
		return explain(ctx, err)
	}
	defer func() { // nothing was written
		if ended := tx.Rollback(); err == nil && !errors.Is(ended, sql.ErrTxDone) {
			err = Explain(ended)
		}
	}()
	return fn(tx)
}
