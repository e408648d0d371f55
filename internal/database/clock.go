package database

import (
	"context"
	"time"
)

// Clock returns the time that leases and waits are measured by, in
// microseconds since 1970: the server's own clock, since the clocks of
// several replicas differ; on SQLite this machine's.
func (db *DB) Clock(ctx context.Context, in Reader) (int64, error) {
	var query string
	switch db.Engine() {
	case Postgres:
		query = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
	case MySQL:
		query = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"
	default:
		return Micros(db.Now()), nil
	}
	var now int64
	err := db.QueryRow(ctx, in, []any{&now}, query)
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
