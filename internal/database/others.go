package database

import (
	"context"
	"errors"
	"syscall"
)

// Who looks for servers of this program on a database must see those of versions
// that do not register, and those only: not other programs, nor the short
// commands of this version. So each connection of this version is marked.
const (
	// marked is the application_name of our connections to PostgreSQL. Versions
	// that do not register call theirs unmarked.
	marked   = "parley gateway"
	unmarked = "parley"
	// markLock begins the name of a lock that each of our connections to MySQL
	// holds as long as it lives; its own number follows. A connection has no
	// name there that others can see.
	markLock = "parley-connection-"
	// unmarkedIdle is for how many seconds a connection of a server that does not
	// register may be quiet on MySQL: it asks for work four times a second. What
	// is quiet for longer is somebody's console.
	unmarkedIdle = 2
)

// Unmarked returns how many connections to this database look like those of a
// version of this program that does not register itself (package replicas). On
// SQLite there are none.
func (db *DB) Unmarked(ctx context.Context) (n int, err error) {
	switch db.Engine() {
	case Postgres:
		err = db.QueryRow(ctx, db.read, []any{&n}, `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = ?`, unmarked)
	case MySQL:
		err = db.QueryRow(ctx, db.read, []any{&n}, `SELECT COUNT(*) FROM information_schema.processlist p
			WHERE p.db = DATABASE() AND p.command <> 'Daemon' AND p.time <= ?
			AND COALESCE(IS_USED_LOCK(CONCAT('`+markLock+`', p.id)), 0) <> p.id`, unmarkedIdle)
	case SQLite:
	}
	return n, err
}

// HasTable reports whether the database has a table of that name.
func (db *DB) HasTable(ctx context.Context, name string) (bool, error) {
	query := map[Engine]string{
		SQLite:   `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?`,
		Postgres: `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?`,
		MySQL:    `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?`,
	}[db.Engine()]
	var n int
	err := db.QueryRow(ctx, db.read, []any{&n}, query, name)
	return n > 0, err
}

// Served reports whether another process holds the lock of [DB.LockFile].
func (db *DB) Served() (bool, error) {
	if !db.Target.OnFile() || db.serving.Load() {
		return false, nil
	}
	release, err := flock(db.lockPath(), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, ErrInUse) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	release()
	err = db.itself.lock(db.Target.Path, syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, ErrInUse) {
		return true, nil
	}
	db.itself.unlock()
	return false, err
}
