package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrInUse is returned when another process serves from the same SQLite file.
var ErrInUse = errors.New("another parley serve uses this database")

// LockFile takes the lock that says "this process serves from this SQLite
// file" and returns a function that releases it. It is a flock, so the kernel
// releases it when the process dies, however it dies. On other engines, and in
// memory, it does nothing: several replicas may share a server.
func (db *DB) LockFile() (release func(), err error) {
	if !db.Target.OnFile() {
		return func() {}, nil
	}
	unlock, err := flock(db.lockPath(), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return nil, err
	}
	db.serving.Store(true)
	return func() {
		db.serving.Store(false)
		unlock()
	}, nil
}

func (db *DB) lockPath() string { return db.Target.Path + ".serve.lock" }

func flock(path string, how int) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock file: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

// OneServer reports that no more than one process at a time serves from this
// database: all that is claimed there was claimed by this process or a dead one.
func (db *DB) OneServer() bool { return db.Engine() == SQLite }

// advisoryID names our migration lock among a server's advisory locks.
const advisoryID = 7_265_739_001

// Exclusive runs fn while no other process runs Exclusive on the same
// database. The lock belongs to the process or its connection, so a crash
// leaves nothing behind.
func (db *DB) Exclusive(ctx context.Context, fn func(context.Context) error) error {
	switch {
	case db.Target.Memory():
		return fn(ctx)
	case db.Engine() == SQLite:
		release, err := flock(db.Target.Path+".migrate.lock", syscall.LOCK_EX)
		if err != nil {
			return err
		}
		defer release()
		return fn(ctx)
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return Explain(err)
	}
	defer conn.Close()
	take, give := "SELECT pg_advisory_lock(?)", "SELECT pg_advisory_unlock(?)"
	if db.Engine() == MySQL {
		take, give = "SELECT GET_LOCK(CONCAT('parley-', DATABASE(), ?), 600)", "SELECT RELEASE_LOCK(CONCAT('parley-', DATABASE(), ?))"
	}
	if db.Engine() == Postgres { // whoever migrates may take its time
		_, _ = conn.ExecContext(ctx, "SET lock_timeout = 0")
		defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "RESET lock_timeout") }()
	}
	if _, err := conn.ExecContext(ctx, take, advisoryID); err != nil {
		return Explain(err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), give, advisoryID) }()
	return fn(ctx)
}
