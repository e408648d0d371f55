package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// maxKept bounds how many parsed statements a connection keeps. There are some
// hundred texts in all; what comes beyond is parsed at each use.
const maxKept = 256

// connector opens SQLite connections through a driver of our own, so that the
// process-wide driver registry is left alone. They keep what they have parsed:
// parsing a statement costs SQLite more than running a short one.
type connector struct{ dsn string }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := (&sqlite.Driver{}).Open(c.dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T lacks a method", opened), opened.Close())
	}
	return &keepingConn{sqliteConn: conn, kept: map[string]*keptStmt{}}, nil
}

func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

// sqliteConn is what database/sql uses of the driver's connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keepingConn keeps the statements that have arguments: those without are few,
// or change the schema. Like every connection it is used by one goroutine at a
// time.
type keepingConn struct {
	sqliteConn
	kept map[string]*keptStmt
}

// sqliteStmt is what is used of the driver's statement.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStmt struct {
	sqliteStmt
	busy bool // its rows are being read
}

// ExecContext implements [driver.ExecerContext].
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.keep(ctx, query, args)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return c.sqliteConn.ExecContext(ctx, query, args)
	default:
		return s.ExecContext(ctx, args)
	}
}

// QueryContext implements [driver.QueryerContext].
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.keep(ctx, query, args)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &keptRows{rows, s}, nil
}

// keep returns the statement of this text, nil when it cannot be kept.
func (c *keepingConn) keep(ctx context.Context, query string, args []driver.NamedValue) (*keptStmt, error) {
	s := c.kept[query]
	if s == nil && len(args) > 0 && len(c.kept) < maxKept {
		parsed, err := c.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		own, ok := parsed.(sqliteStmt)
		if !ok {
			return nil, errors.Join(fmt.Errorf("the driver's %T lacks a method", parsed), parsed.Close())
		}
		s = &keptStmt{sqliteStmt: own}
		c.kept[query] = s
	}
	if s == nil || s.busy {
		return nil, nil //nolint:nilnil // run it as it is
	}
	return s, nil
}

// Close implements [driver.Conn].
func (c *keepingConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.Close())
	}
	clear(c.kept)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	driver.Rows
	stmt *keptStmt
}

func (r *keptRows) Close() error {
	err := r.Rows.Close()
	r.stmt.busy = false
	return err
}
