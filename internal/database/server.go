package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"github.com/parley-bot/parley/internal/failure"
)

// MinConns is the least number of connections that a server can be used with:
// one is for snapshots, and who migrates holds one and works on another.
const MinConns = 3

// openServer opens the pools of connections to PostgreSQL or MySQL.
func (db *DB) openServer(ctx context.Context, conns int) error {
	err := db.openPools(ctx, conns)
	if refusesSettings(err) || err == nil && db.losesSettings(ctx) {
		db.pooled = true
		db.log.InfoContext(ctx, "the database is behind a pooler that does not keep connection settings; they are set again in each transaction")
		err = errors.Join(db.closePools(), db.openPools(ctx, conns))
	}
	if err != nil {
		return err
	}
	if err := errors.Join(db.checkEncoding(ctx), db.checkForeign(ctx)); err != nil {
		return errors.Join(err, db.closePools())
	}
	return nil
}

func (db *DB) openPools(ctx context.Context, conns int) error {
	pool, err := db.serverPool(idleLimit)
	if err != nil {
		return err
	}
	snaps, err := db.serverPool(snapshotIdle)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	// bun asks MySQL for the version, and writes to stderr when nobody answers.
	if err := pool.PingContext(ctx); err != nil {
		return errors.Join(Explain(err), pool.Close(), snaps.Close())
	}
	dialect := func() schema.Dialect { return mysqldialect.New() }
	if db.Engine() == Postgres {
		dialect = func() schema.Dialect { return pgdialect.New() }
	}
	db.write, db.snaps = bun.NewDB(pool, dialect()), bun.NewDB(snaps, dialect())
	if conns == 0 {
		conns = serverConns
	}
	reserved := min(snapshots, max(1, conns/5))
	db.slow = make(chan struct{}, max(1, reserved-1))
	conns -= reserved
	if db.Engine() == Postgres && !db.pooled {
		conns++ // the one that listens
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	snaps.SetMaxOpenConns(reserved)
	snaps.SetConnMaxIdleTime(snapshotKept)
	db.read = db.write
	return nil
}

func (db *DB) closePools() error {
	if db.write == nil {
		return nil
	}
	defer func() { db.write = nil }()
	return errors.Join(db.write.Close(), db.snaps.Close())
}

// serverPool returns connections that wait for the next statement of a
// transaction for so many seconds.
func (db *DB) serverPool(idle string) (*sql.DB, error) {
	if db.Engine() == Postgres {
		return db.postgresPool(idle)
	}
	c, err := mysql.ParseDSN(db.Target.dsn)
	if err != nil {
		return nil, errors.New("the URL is not one that MySQL's driver understands")
	}
	if c.TLS, err = db.Target.tls.config(); err != nil {
		return nil, err
	}
	c.AllowFallbackToPlaintext = db.Target.tls.mode == tlsPrefer
	c.Logger = &mysql.NopLogger{}
	c.InterpolateParams = true // else each statement is prepared first: two round trips
	c.MaxAllowedPacket = 0     // ask the server: what is too long for one statement is prepared after all
	c.RejectReadOnly = true    // what leads to a server that became a replica is dropped, see readOnly
	c.Params["sql_mode"] += fmt.Sprintf(idleInMariaDB, idle) + readCommitted
	c.Params["innodb_lock_wait_timeout"] = lockLimit
	c.Params["@parley"] = "GET_LOCK(CONCAT('" + markLock + "', CONNECTION_ID()), 0)"
	conn, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(conn), nil
}

func (db *DB) postgresPool(idle string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(db.Target.dsn)
	if err != nil { // its text quotes the DSN with the password masked by pgx, but not in every case
		return nil, errors.New("the URL is not one that PostgreSQL's driver understands")
	}
	c.RuntimeParams["timezone"] = "UTC"
	c.RuntimeParams["application_name"] = marked
	if db.pooled {
		c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		c.RuntimeParams["default_transaction_isolation"] = "read committed"
		c.RuntimeParams["idle_in_transaction_session_timeout"] = idle + "s"
		c.RuntimeParams["lock_timeout"] = lockLimit + "s"
	}
	keep := c.OnPgError
	c.OnPgError = func(conn *pgconn.PgConn, e *pgconn.PgError) bool {
		return e.Code != readOnlyState && keep(conn, e) // one that leads to a server that became a replica is dropped
	}
	return stdlib.OpenDB(*c), nil
}

// checkEncoding refuses a database that cannot hold every language. MySQL's
// tables have an encoding of their own.
func (db *DB) checkEncoding(ctx context.Context) error {
	if db.Engine() != Postgres {
		return nil
	}
	encoding := ""
	if err := db.QueryRow(ctx, db.read, []any{&encoding}, "SHOW server_encoding"); err != nil {
		return err
	}
	if encoding == "UTF8" {
		return nil
	}
	return failure.New(failure.Unavailable, "database_encoding", "its encoding is "+encoding+
		", which cannot hold every language; make another one: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0", nil)
}

// ReadOnly reports whether the server says that it takes no writes. MySQL's
// driver drops a connection that leads to such a one without saying why.
func (db *DB) ReadOnly(ctx context.Context) bool {
	if db.Engine() != MySQL {
		return false // known by the error
	}
	var is bool
	err := db.QueryRow(ctx, db.read, []any{&is}, "SELECT @@global.read_only")
	return err == nil && is
}
