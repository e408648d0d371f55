package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/parley-bot/parley/internal/failure"
)

// Explain gives a driver's error its kind and a sentence. Other errors, those
// that have a kind already, and nil are returned as they are.
func Explain(err error) error {
	if _, known := errors.AsType[*failure.Error](err); known || err == nil {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return explainSQLite(e.Code(), err)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainPostgres(e, err)
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return explainMySQL(e, err)
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, sql.ErrConnDone) {
		return unavailable("the database cannot be reached", err)
	}
	return err
}

// explain is [Explain] for what ended under a context: where that has ended too,
// its error is in the chain, whatever the engine says about being interrupted.
func explain(ctx context.Context, err error) error {
	ended := ctx.Err()
	if err == nil || ended == nil || errors.Is(err, ended) {
		return Explain(err)
	}
	return fmt.Errorf("%w: %w", ended, Explain(err))
}

// readOnlyState is the SQLSTATE of PostgreSQL for a write that it takes from nobody:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const readOnlyState = "25006"

func explainSQLite(code int, err error) error {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable("the database is locked by another program", err)
	case sqlite3.SQLITE_FULL:
		return unavailable("the disk is full", err)
	case sqlite3.SQLITE_NOTADB:
		return unavailable("the file is not a SQLite database", err)
	case sqlite3.SQLITE_CORRUPT:
		return unavailable("the database file is damaged", err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return unavailable("the database file cannot be opened", err)
	case sqlite3.SQLITE_READONLY:
		return unavailable("the database is read-only", err)
	case sqlite3.SQLITE_IOERR:
		return unavailable("the disk failed", err)
	}
	return err
}

// explainPostgres goes by SQLSTATE classes:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func explainPostgres(e *pgconn.PgError, err error) error {
	switch {
	case len(e.Code) != 5:
		return err
	case e.Code[:2] == "28":
		return unavailable("the database refuses this user or password", err)
	case e.Code[:2] == "3D":
		return unavailable("the database does not exist", err)
	case e.Code[:2] == "53", e.Code[:2] == "57", e.Code[:2] == "08":
		return unavailable("the database is not available", err)
	case e.Code == readOnlyState:
		return unavailable("the database is read-only", err)
	case e.Code[:2] == "40", e.Code[:2] == "55", e.Code == "25P03":
		return unavailable("the database is too busy", err)
	}
	return err
}

// explainMySQL goes by server error numbers:
// https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html
func explainMySQL(e *mysql.MySQLError, err error) error {
	switch e.Number {
	case 1044, 1045:
		return unavailable("the database refuses this user or password", err)
	case 1049:
		return unavailable("the database does not exist", err)
	case 1205, 1213:
		return unavailable("the database is too busy", err)
	case 1021, 1114:
		return unavailable("the disk is full", err)
	case 1290, 1792, 1836:
		return unavailable("the database is read-only", err)
	case 1040, 1053, 1203:
		return unavailable("the database is not available", err)
	}
	return err
}

func unavailable(why string, err error) error {
	return failure.New(failure.Unavailable, "database_unavailable", why, err)
}

// isDeadlock reports an error after which the same transaction may simply run
// again: a deadlock, or a lock that was not to be had in time.
func isDeadlock(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "40001" || e.Code == "40P01" || e.Code == "55P03"
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == 1213 || e.Number == 1205 || e.Number == 1020
	}
	return false
}

// isBusy reports that another process held what SQLite needed.
func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// AlreadyThere reports that MySQL refused to make a column (1060) or an index (1061)
// because there is one of that name.
func AlreadyThere(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (e.Number == 1060 || e.Number == 1061)
}
