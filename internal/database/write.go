package database

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// ErrNested is returned by a Write inside a Write: it would wait for itself.
var ErrNested = errors.New("database: Write inside Write")

// ErrClosed is returned once the database is closed.
var ErrClosed = errors.New("database: closed")

// serverAttempts bounds how often a transaction is repeated after a deadlock.
const serverAttempts = 8

type insideKey struct{}

// Write runs fn in a transaction and returns after its commit. fn's error
// rolls back what fn did and nothing else. fn may run twice: it must touch
// nothing but tx, and report what is expected to happen (a duplicate, say) in
// a variable rather than as an error, which would cost every neighbour in the
// same commit a second run. ctx counts until fn starts; fn itself must use the
// context it is given.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	if err := db.admits(ctx); err != nil {
		return err
	}
	if db.Engine() == SQLite {
		return db.shared.do(ctx, false, nil, fn)
	}
	return db.writeAlone(ctx, fn)
}

// WriteUrgent is Write for somebody who waits for seconds only, such as a
// platform for the answer to its webhook: it goes before ordinary writers, and
// shares a commit with others like it on MySQL too. lock tells which of the rows
// that others want too fn writes; nil = none.
func (db *DB) WriteUrgent(ctx context.Context, lock []byte, fn func(ctx context.Context, tx Tx) error) error {
	if err := db.admits(ctx); err != nil {
		return err
	}
	if db.shared == nil {
		return db.writeAlone(ctx, fn)
	}
	err := db.shared.do(ctx, true, lock, fn)
	if errors.Is(err, errOneFailed) || isDeadlock(err) {
		return db.writeAlone(ctx, fn)
	}
	return err
}

// writeAlone is Write on a server, in a transaction of its own.
func (db *DB) writeAlone(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return again(ctx, func() error {
		return db.write.RunInTx(ctx, db.level(), func(ctx context.Context, tx Tx) error {
			if err := db.limitTx(ctx, tx); err != nil {
				return err
			}
			return call(context.WithValue(ctx, insideKey{}, true), tx, fn)
		})
	})
}

// admits reports why somebody may not write now.
func (db *DB) admits(ctx context.Context) error {
	if ctx.Value(insideKey{}) != nil {
		return ErrNested
	}
	select {
	case <-db.closed:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

// again runs what writes to a server, and repeats it when the server chose it
// as the victim of a deadlock.
func again(ctx context.Context, write func() error) error {
	for attempt := 1; ; attempt++ {
		err := write()
		if err == nil || attempt == serverAttempts || !isDeadlock(err) {
			return explain(ctx, err)
		}
		wait := time.NewTimer(time.Duration(rand.IntN(5*attempt)+1) * time.Millisecond)
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
		}
	}
}

// call runs fn and turns a panic into an error, so that one caller's fault is
// not everybody's.
func call(ctx context.Context, tx Tx, fn func(context.Context, Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a database transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(ctx, tx)
}
