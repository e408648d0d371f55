package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
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
	if err := db.itself.lock(db.Target.Path, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		unlock()
		return nil, err
	}
	db.serving.Store(true)
	return func() {
		db.serving.Store(false)
		db.itself.unlock()
		unlock()
	}, nil
}

// lockPath is the file beside the database that is locked, the same one through
// whichever symbolic link.
func (db *DB) lockPath() string { return resolved(db.Target.Path) + ".serve.lock" }

func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// itself is a lock on the SQLite file itself, which is the same one by whatever
// name, hard links too. A process that closes a file loses all of SQLite's own
// locks on it, so it stays open as long as the database. Only Linux keeps the two
// kinds of locks apart; elsewhere the file's name has to do.
type itself struct {
	mu   sync.Mutex
	file *os.File
}

func (i *itself) lock(path string, how int) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.file == nil {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		i.file = f
	}
	return flockFile(i.file, how)
}

// byAnotherName is ErrInUse when a process serves from this file by another hard
// link. SQLite finds what was written last by the file's name, so nobody else may
// even read it then.
func (db *DB) byAnotherName() error {
	info, err := os.Stat(db.Target.Path)
	if err != nil {
		return fmt.Errorf("the file cannot be opened: %w", err)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Nlink < 2 {
		return nil
	}
	served, err := db.Served()
	if err != nil || !served {
		return err
	}
	release, err := flock(db.lockPath(), syscall.LOCK_SH|syscall.LOCK_NB)
	if err != nil { // by this one
		return nil //nolint:nilerr // whoever needs the lock is told
	}
	release()
	return fmt.Errorf("%w by another name of its file (a hard link)", ErrInUse)
}

func (i *itself) unlock() { _ = i.lock("", syscall.LOCK_UN) } // nothing is there to unlock once it is closed

func (i *itself) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.file == nil {
		return nil
	}
	return i.file.Close()
}

func flock(path string, how int) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	if err := flockFile(f, how); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

func flockFile(f *os.File, how int) error {
	err := syscall.Flock(int(f.Fd()), how)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	return nil
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
	switch db.Engine() {
	case Postgres:
		return db.exclusiveTx(ctx, fn)
	case MySQL:
		return db.exclusiveConn(ctx, fn)
	case SQLite:
	}
	if db.Target.Memory() {
		return fn(ctx)
	}
	release, err := flock(resolved(db.Target.Path)+".migrate.lock", syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer release()
	return fn(ctx)
}

// exclusiveTx holds the lock by a transaction, since a pooler may give what is
// outside of one another connection each time. Whoever migrates may take its time.
func (db *DB) exclusiveTx(ctx context.Context, fn func(context.Context) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	_, err = db.Exec(ctx, tx, "SELECT set_config('lock_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)")
	if err == nil {
		_, err = db.Exec(ctx, tx, "SELECT pg_advisory_xact_lock(?)", advisoryID)
	}
	if err != nil {
		return err
	}
	return fn(ctx)
}

func (db *DB) exclusiveConn(ctx context.Context, fn func(context.Context) error) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return explain(ctx, err)
	}
	defer conn.Close()
	const name = "(CONCAT('parley-', DATABASE(), ?)"
	if _, err := conn.ExecContext(ctx, "SELECT GET_LOCK"+name+", 600)", advisoryID); err != nil {
		return explain(ctx, err)
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT RELEASE_LOCK"+name+")", advisoryID)
	}()
	return fn(ctx)
}
