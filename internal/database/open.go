package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/parley-bot/parley/internal/private"
	"github.com/parley-bot/parley/internal/service"
)

// Tx is the transaction that a function given to [DB.Write] works in.
type Tx = bun.Tx

// Options say how to open a database.
type Options struct {
	URL     string // see ParseURL
	DataDir string
	// Conns is how many connections to a server there may be, beside the one that
	// listens: at least MinConns, 0 = as many as suit. SQLite has its own number.
	Conns  int
	Echo   bool             // log every SQL statement at info level
	Logger *slog.Logger     // nil: no log
	Now    func() time.Time // nil: time.Now
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	Target Target

	read   *bun.DB
	write  *bun.DB // SQLite: one connection; servers: the same pool as read
	snaps  *bun.DB // for snapshots; nil in memory
	slow   chan struct{}
	shared *committer // on SQLite, and for what is urgent on MySQL
	piped  *pipeline  // on PostgreSQL
	log    *slog.Logger
	echo   bool // log what goes past bun too
	now    func() time.Time
	closed chan struct{}

	pooled  bool        // through a pooler that gives each transaction another connection, see pooler.go
	serving atomic.Bool // this process holds the lock of LockFile
	itself  itself
}

const (
	sqliteReaders = 4
	serverConns   = 32 + snapshots
	openTimeout   = 15 * time.Second
	// busyTimeout is how long SQLite waits for another process, in milliseconds.
	busyTimeout = "10000"
	// idleLimit is how long a server waits for the next statement of a
	// transaction, and lockLimit how long a statement waits for a lock, both in
	// seconds. A replica that is frozen or cut off in the middle of transactions
	// would otherwise hold their rows, and everybody who needs them, for as long
	// as its connections seem alive, one transaction after the other. The sum is
	// shorter than a lease. idleInMariaDB is a comment to MySQL, which has
	// nothing of the kind.
	idleLimit     = "10"
	lockLimit     = "3"
	idleInMariaDB = " /*M!100600 , idle_transaction_timeout = %s */"
	// readCommitted has transactions begin at that level without a statement of
	// its own for each. MySQL and MariaDB call the variable by different names.
	readCommitted = " /*M! , tx_isolation = 'READ-COMMITTED' */ /*!50720 , transaction_isolation = 'READ-COMMITTED' */"
)

// Open connects and checks that the database answers. SQLite files and their
// directory are made when missing. Errors name the target without its password.
func Open(ctx context.Context, o Options) (*DB, error) {
	target, err := ParseURL(o.URL, o.DataDir)
	if err != nil {
		return nil, err
	}
	db := &DB{Target: target, log: o.Logger, echo: o.Echo, now: o.Now, closed: make(chan struct{}), slow: make(chan struct{}, slowSnapshots)}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if db.now == nil {
		db.now = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if target.Engine == SQLite {
		err = db.openSQLite(ctx)
	} else {
		err = db.openServer(ctx, o.Conns)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", target, err)
	}
	if o.Echo {
		db.read = db.read.WithQueryHook(echo{db.log})
		db.write = db.write.WithQueryHook(echo{db.log})
		if db.snaps != nil {
			db.snaps = db.snaps.WithQueryHook(echo{db.log})
		}
	}
	switch target.Engine {
	case SQLite:
		db.shared = newCommitter(db.write, 1)
	case MySQL:
		db.shared = newCommitter(db.write, urgentCommits)
	case Postgres:
		db.piped = newPipeline(db.write, db.pooled, db.closed)
	}
	if err := db.Ping(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("database %s: %w", target, err)
	}
	return db, nil
}

func (db *DB) openSQLite(ctx context.Context) error {
	path := db.Target.Path
	if path == "" {
		// A private in-memory database lives and dies with its one connection.
		pool := openPool("file::memory:?" + pragmas("_txlock", "immediate"))
		pool.SetMaxOpenConns(1)
		pool.SetMaxIdleConns(1)
		db.write = bun.NewDB(pool, sqlitedialect.New())
		db.read = db.write
		return nil
	}
	if err := refuseForeign(ctx, path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("the directory cannot be created: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	if err := db.byAnotherName(); err != nil {
		return errors.Join(err, db.itself.close())
	}
	if err := private.Keep(path, path+"-wal", path+"-shm", path+"-journal", path+".serve.lock", path+".migrate.lock"); err != nil {
		db.log.WarnContext(ctx, "the database file is accessible to other users of this machine", slog.Any("error", err))
	}
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	writer := openPool(file + "?" + pragmas("_txlock", "immediate",
		"_pragma", "auto_vacuum(incremental)", "_pragma", "journal_mode(wal)",
		// Keys are hashes, so a batch touches many pages: they must fit the
		// cache, and not be copied back to the file after every few batches.
		"_pragma", "cache_size(-16384)", "_pragma", "wal_autocheckpoint(8000)",
		// What is deleted is overwritten, here and in every other process that
		// writes; see Scrub for the rest.
		"_pragma", "secure_delete(1)"))
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	reader := openPool(file + "?" + pragmas("_pragma", "query_only(1)", "_pragma", "cache_size(-16000)"))
	snaps := openPool(file + "?" + pragmas("_pragma", "query_only(1)"))
	reader.SetMaxOpenConns(sqliteReaders)
	reader.SetMaxIdleConns(sqliteReaders)
	snaps.SetMaxOpenConns(snapshots)
	snaps.SetMaxIdleConns(1)
	db.snaps = bun.NewDB(snaps, sqlitedialect.New())
	db.write = bun.NewDB(writer, sqlitedialect.New())
	db.read = bun.NewDB(reader, sqlitedialect.New())
	// The writer goes first: it makes the file and switches it to WAL.
	return Explain(switched(ctx, writer))
}

// switchWait is how long a process waits that meets another one at the switch to
// WAL. SQLite itself waits for nobody there, since both hold what the other wants.
const switchWait = 10 * time.Millisecond

// switched connects for the first time, again for as long as others switch the
// file to WAL or, the last to leave it, back.
func switched(ctx context.Context, writer *sql.DB) error {
	err := writer.PingContext(ctx)
	if !isBusy(err) {
		return err
	}
	for range service.Every(ctx, switchWait) {
		if err = writer.PingContext(ctx); !isBusy(err) {
			break
		}
	}
	return err
}

// makePrivate makes the file, for its owner only, when there is none: it will
// hold people's conversations.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return fmt.Errorf("the file cannot be opened: %w", err)
	}
	return f.Close()
}

// pragmas returns the query part of a SQLite DSN: what every connection needs, and kv.
func pragmas(kv ...string) string {
	q := url.Values{"_pragma": {
		"busy_timeout(" + busyTimeout + ")",
		"synchronous(full)", // a 200 must survive a power cut
		"foreign_keys(1)",
		"temp_store(memory)",
	}}
	for i := 0; i+1 < len(kv); i += 2 {
		q.Add(kv[i], kv[i+1])
	}
	return q.Encode()
}

func openPool(dsn string) *sql.DB {
	pool := sql.OpenDB(connector{dsn})
	pool.SetConnMaxLifetime(0)
	pool.SetConnMaxIdleTime(0)
	return pool
}

// Read returns the pool for queries outside a transaction. On SQLite its
// connections refuse to write.
func (db *DB) Read() *bun.DB { return db.read }

// Maintenance returns the pool for the few statements that cannot run inside a
// transaction (VACUUM, PRAGMA). On SQLite it is the one writing connection, so
// each statement must be short.
func (db *DB) Maintenance() *bun.DB { return db.write }

// Engine returns the kind of database.
func (db *DB) Engine() Engine { return db.Target.Engine }

// Now returns the time of this process's clock in UTC, cut to what every engine keeps.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Microsecond) }

// Ping reports whether the database can be read.
func (db *DB) Ping(ctx context.Context) error {
	query := "SELECT 1"
	if db.Engine() == SQLite { // the schema must be readable, not only the file
		query = "SELECT count(*) FROM sqlite_master"
	}
	return db.QueryRow(ctx, db.read, []any{new(int)}, query)
}

// Close waits for the running commit and closes the connections. It may be called twice.
func (db *DB) Close() error {
	select {
	case <-db.closed:
		return nil
	default:
		close(db.closed)
	}
	if db.shared != nil {
		db.shared.close()
	}
	if db.piped != nil {
		db.piped.workers.Wait()
	}
	err := db.write.Close()
	if db.snaps != nil {
		err = errors.Join(err, db.snaps.Close())
	}
	if db.read != db.write {
		err = errors.Join(db.read.Close(), err)
	}
	return errors.Join(err, db.itself.close())
}

type echo struct{ log *slog.Logger }

func (e echo) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (e echo) AfterQuery(ctx context.Context, q *bun.QueryEvent) {
	e.write(ctx, q.Query, time.Since(q.StartTime))
}

func (e echo) write(ctx context.Context, statement string, took time.Duration) {
	e.log.InfoContext(ctx, "sql", slog.String("statement", statement), slog.Float64("took_ms", float64(took.Microseconds())/1000))
}
