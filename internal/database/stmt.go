package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Stmt is a hot statement: like [DB.Exec] and [DB.Query], with its text made
// ready and checked beforehand.
type Stmt struct {
	db        *DB
	query     string
	returning bool
}

// Prepare returns a statement for use inside [DB.Write]. Its text uses ? for
// arguments on every engine and holds no other question mark. It must not be
// called inside Write; it lives as long as db.
func (db *DB) Prepare(ctx context.Context, query string) (*Stmt, error) {
	s := &Stmt{db: db, query: db.rebind(query), returning: db.Engine() == Postgres && strings.Contains(query, " RETURNING id")}
	if db.Engine() != SQLite {
		return s, nil
	}
	parsed, err := db.write.DB.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare a statement: %w", Explain(err))
	}
	return s, parsed.Close() //nolint:sqlclosecheck // at once
}

// Exec runs the statement in tx and returns how many rows it changed.
func (s *Stmt) Exec(ctx context.Context, tx Tx, args ...any) (int64, error) {
	res, err := s.exec(ctx, tx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Insert runs an INSERT of one row in tx and returns its id, 0 when the row was
// there already. On PostgreSQL the statement must end in RETURNING id; on the
// others it must not: on SQLite that costs a journal of its own.
func (s *Stmt) Insert(ctx context.Context, tx Tx, args ...any) (id int64, err error) {
	if s.returning {
		err = s.QueryRow(ctx, tx, []any{&id}, args...)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return id, err
	}
	res, err := s.exec(ctx, tx, args...)
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// Query runs the statement in tx and calls scan for each of its rows.
func (s *Stmt) Query(ctx context.Context, tx Tx, scan func(*sql.Rows) error, args ...any) error {
	defer s.db.echoed(ctx, s.query, time.Now())
	rows, err := tx.Tx.QueryContext(ctx, s.query, args...)
	if err != nil {
		return Explain(err)
	}
	return each(rows, scan)
}

func (s *Stmt) exec(ctx context.Context, tx Tx, args ...any) (sql.Result, error) {
	defer s.db.echoed(ctx, s.query, time.Now())
	res, err := tx.Tx.ExecContext(ctx, s.query, args...)
	return res, Explain(err)
}

// QueryRow runs the statement in tx and scans its one row into dest.
// The error is sql.ErrNoRows when there is none.
func (s *Stmt) QueryRow(ctx context.Context, tx Tx, dest []any, args ...any) error {
	defer s.db.echoed(ctx, s.query, time.Now())
	return Explain(tx.Tx.QueryRowContext(ctx, s.query, args...).Scan(dest...))
}

// rebind turns ? into $1, $2, … for PostgreSQL.
func (db *DB) rebind(query string) string {
	if db.Engine() != Postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}
