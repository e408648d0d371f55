package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// The functions of this file are how SQL is written. Arguments stay apart from
// the text, which is parsed once on each connection. (bun writes them into it,
// and the engine parses it anew at each call.)
//
// A query uses ? for arguments on every engine and holds no other question
// mark. An argument of type []int64, []string or [][]byte stands for a list, as
// in IN (?). Driver errors come back explained, see [Explain].

// Exec runs a statement and returns how many rows it changed.
func (db *DB) Exec(ctx context.Context, in Reader, query string, args ...any) (int64, error) {
	query, args = db.bind(query, args)
	defer db.echoed(ctx, query, time.Now())
	res, err := runner(in).ExecContext(ctx, query, args...)
	if err != nil {
		return 0, explain(ctx, ended(in, err))
	}
	return res.RowsAffected()
}

// Insert runs an INSERT of one row into a table whose key is id, and returns
// the new row's id, 0 when the statement added none.
func (db *DB) Insert(ctx context.Context, tx Tx, query string, args ...any) (id int64, err error) {
	if db.Engine() == Postgres {
		err = db.QueryRow(ctx, tx, []any{&id}, query+" RETURNING id", args...)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return id, err
	}
	// RETURNING would cost SQLite a journal for each statement, and MySQL has none.
	query, args = db.bind(query, args)
	defer db.echoed(ctx, query, time.Now())
	res, err := tx.Tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, explain(ctx, ended(tx, err))
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// InsertAll runs the INSERT of one row, VALUES (…), for several rows. With an
// [Upsert] no two rows may have the same key.
//
// To a server many rows go by one statement, in powers of two, so that there are
// few texts. SQLite would keep a journal for such a statement, which costs it more
// than the rows do: there each has its own.
func (db *DB) InsertAll(ctx context.Context, tx Tx, query string, rows [][]any) error {
	row, most := values(query), maxRows
	if db.Engine() == SQLite {
		most = 1
	}
	for len(rows) > 0 {
		n := 1 << (bits.Len(uint(min(len(rows), most))) - 1)
		_, err := db.Exec(ctx, tx, strings.Replace(query, row, row+strings.Repeat(", "+row, n-1), 1), slices.Concat(rows[:n]...)...)
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// values returns what follows VALUES, with its brackets.
func values(insert string) string {
	_, rest, _ := strings.Cut(insert, "VALUES ")
	depth := 0
	for i, c := range rest {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return rest[:i+1]
		}
	}
	return rest
}

// maxRows bounds how many rows one statement inserts.
const maxRows = 128

// Query runs a query and calls scan for each of its rows.
func (db *DB) Query(ctx context.Context, in Reader, scan func(*sql.Rows) error, query string, args ...any) error {
	query, args = db.bind(query, args)
	defer db.echoed(ctx, query, time.Now())
	rows, err := runner(in).QueryContext(ctx, query, args...)
	if err != nil {
		return explain(ctx, ended(in, err))
	}
	return explain(ctx, ended(in, each(rows, scan)))
}

// QueryRow runs a query and scans its one row into dest. The error is
// sql.ErrNoRows when there is none.
func (db *DB) QueryRow(ctx context.Context, in Reader, dest []any, query string, args ...any) error {
	query, args = db.bind(query, args)
	defer db.echoed(ctx, query, time.Now())
	return explain(ctx, ended(in, runner(in).QueryRowContext(ctx, query, args...).Scan(dest...)))
}

// ended rolls back a transaction that lost a deadlock. MySQL has done so by
// itself, and would commit each statement that follows, for itself and at once.
func ended(in Reader, err error) error {
	if tx, ok := in.(Tx); ok && isDeadlock(err) {
		_ = tx.Rollback() // err is what the caller is told
	}
	return err
}

// All runs a query and returns its rows, each scanned into where dest says.
func All[T any](ctx context.Context, db *DB, in Reader, dest func(*T) []any, query string, args ...any) (list []T, err error) {
	err = db.Query(ctx, in, func(rows *sql.Rows) error {
		var row T
		err := rows.Scan(dest(&row)...)
		list = append(list, row)
		return err
	}, query, args...)
	return list, err
}

// Values is [All] for a query of one column.
func Values[T any](ctx context.Context, db *DB, in Reader, query string, args ...any) ([]T, error) {
	return All(ctx, db, in, func(v *T) []any { return []any{v} }, query, args...)
}

// each calls scan for each of the rows and closes them.
func each(rows *sql.Rows, scan func(*sql.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return Explain(err)
		}
	}
	return Explain(rows.Err())
}

// plain is database/sql without bun around it.
type plain interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func runner(in Reader) plain {
	switch in := in.(type) {
	case bun.Tx:
		return in.Tx
	case *bun.DB:
		return in.DB
	default:
		panic(fmt.Sprintf("database: %T is neither a transaction nor a pool", in))
	}
}

// echoed logs a statement, without its arguments, where that was asked for.
func (db *DB) echoed(ctx context.Context, query string, begun time.Time) {
	if db.echo {
		echo{db.log}.write(ctx, query, time.Since(begun))
	}
}

// bind writes the query as the engine takes it, and lists one by one.
func (db *DB) bind(query string, args []any) (string, []any) {
	if db.Engine() == SQLite {
		// It looks into a plain "LIMIT ?" when it plans, and so plans anew for each call.
		query = strings.Replace(query, "LIMIT ?", "LIMIT ? + 0", 1)
	}
	if db.Engine() != Postgres && !hasList(args) {
		return query, args
	}
	var b strings.Builder
	b.Grow(len(query) + 32)
	flat := make([]any, 0, len(args)+8)
	mark := func(v any) {
		flat = append(flat, v)
		if db.Engine() == Postgres {
			b.WriteString("$" + strconv.Itoa(len(flat)))
			return
		}
		b.WriteByte('?')
	}
	for _, arg := range args {
		before, after, _ := strings.Cut(query, "?")
		b.WriteString(before)
		query = after
		switch list := arg.(type) {
		case []int64:
			marks(&b, list, mark)
		case []string:
			marks(&b, list, mark)
		case [][]byte:
			marks(&b, list, mark)
		default:
			mark(arg)
		}
	}
	b.WriteString(query)
	return b.String(), flat
}

func hasList(args []any) bool {
	for _, arg := range args {
		switch arg.(type) {
		case []int64, []string, [][]byte:
			return true
		}
	}
	return false
}

// marks writes a list with as many members as the next power of two, the last
// one repeated, so that lists of many lengths have few texts. An empty one is NULL.
func marks[T any](b *strings.Builder, list []T, mark func(any)) {
	if len(list) == 0 {
		b.WriteString("NULL")
		return
	}
	n := 1
	for n < len(list) {
		n *= 2
	}
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		mark(list[min(i, len(list)-1)])
	}
}
