package database

import (
	"context"
	"time"
)

// Moment returns, for use inside a statement, the time that leases and waits are
// measured by, in microseconds since 1970, and the arguments that it needs: the
// server's own clock as the statement begins, since the clocks of several replicas
// differ; on SQLite this machine's. An index can be searched by it.
func (db *DB) Moment() (text string, args []any) {
	switch db.Engine() {
	case Postgres:
		return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)", nil
	case MySQL:
		return "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)", nil
	default:
		return "?", []any{Micros(db.Now())}
	}
}

// Clock returns what [DB.Moment] is now.
func (db *DB) Clock(ctx context.Context, in Reader) (int64, error) {
	if db.Engine() == SQLite {
		return Micros(db.Now()), nil
	}
	text, _ := db.Moment()
	var now int64
	err := db.QueryRow(ctx, in, []any{&now}, "SELECT "+text)
	return now, err
}

// Micros returns t as microseconds since 1970, the form in which the ledger
// keeps times; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the reverse of Micros.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// TimeArg returns t for use as an argument of [DB.Exec] in a timestamp column.
// SQLite keeps timestamps as text, in the one form that sorts and that bun writes too.
func (db *DB) TimeArg(t time.Time) any {
	t = t.UTC().Truncate(time.Microsecond)
	if db.Engine() == SQLite {
		return t.Format("2006-01-02 15:04:05.999999-07:00")
	}
	return t
}

// ForUpdate returns the clause that holds the rows that are read until the
// transaction ends.
func (db *DB) ForUpdate() string {
	if db.Engine() == SQLite {
		return "" // there is one writer
	}
	return " FOR UPDATE"
}

// SkipLocked returns the clause with which several replicas claim rows side by side.
func (db *DB) SkipLocked() string {
	if db.Engine() == SQLite {
		return ""
	}
	return " FOR UPDATE SKIP LOCKED"
}
