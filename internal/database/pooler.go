package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A pooler such as PgBouncer in transaction mode gives each transaction another
// connection to the server. It refuses or forgets what is set for a connection
// when that begins, does not know statements that were prepared in an earlier
// transaction, and nobody can listen through it. Then the limits of locks and
// idle transactions are set in each transaction, statements travel whole, and
// other replicas' work is found by asking, as on MySQL.

// refusesSettings reports that a connection was refused for its settings.
func refusesSettings(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "08P01" && strings.Contains(e.Message, "startup parameter")
}

// losesSettings reports that a connection was taken without its settings.
func (db *DB) losesSettings(ctx context.Context) bool {
	if db.Engine() != Postgres || db.pooled {
		return false
	}
	limit := ""
	err := db.QueryRow(ctx, db.read, []any{&limit}, "SHOW lock_timeout")
	return err != nil || limit != lockLimit+"s"
}

// limits sets in a transaction what a pooler does not keep for its connection.
const limits = "SELECT set_config('lock_timeout', '" + lockLimit + "s', true), set_config('idle_in_transaction_session_timeout', '" + idleLimit + "s', true)"

func (db *DB) limitTx(ctx context.Context, tx Tx) error {
	if !db.pooled {
		return nil
	}
	_, err := db.Exec(ctx, tx, limits)
	return err
}

// level is the isolation that a transaction has to ask for: elsewhere it is the
// connection's.
func (db *DB) level() *sql.TxOptions {
	if !db.pooled {
		return nil
	}
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}
