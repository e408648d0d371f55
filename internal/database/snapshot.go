package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/uptrace/bun"
)

// snapshotIdle is how long a server waits, in seconds, for the next statement
// of a snapshot: as long as somebody slow may take to fetch a part of an
// export. Unlike the transactions of idleLimit it holds no locks.
const snapshotIdle = "600"

// Snapshot runs fn in a reading transaction in which nothing changes, so that
// what is read in several steps fits together. fn may take its time between
// two of them.
func (db *DB) Snapshot(ctx context.Context, fn func(tx Tx) error) (err error) {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return Explain(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if db.Engine() == MySQL {
		defer func() {
			if db.patience(context.WithoutCancel(ctx), conn, idleLimit) != nil {
				_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody else gets it like this
			}
		}()
		if err := db.patience(ctx, conn, snapshotIdle); err != nil {
			return Explain(err)
		}
	}
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Engine() != SQLite { // where every transaction is a snapshot
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil {
		return Explain(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if db.Engine() == Postgres {
		if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = '"+snapshotIdle+"s'"); err != nil {
			return Explain(err)
		}
	}
	return fn(tx)
}

// patience sets how long MariaDB waits for a statement of this connection's
// transactions. What is for MariaDB only is a comment to MySQL.
func (db *DB) patience(ctx context.Context, conn bun.Conn, seconds string) error {
	_, err := conn.ExecContext(ctx, "SET @parley = 1 /*M!100600 , SESSION idle_transaction_timeout = "+seconds+" */")
	return err
}
