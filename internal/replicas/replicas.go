package replicas

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// expiry is for how long a replica counts as alive without a sign of it, and
// beat how often it gives one. A few may be missed.
const (
	expiry = 20 * time.Second
	beat   = 5 * time.Second
	// looks is how often a connection without a mark has to be seen, and lookAgain
	// how long after the last time.
	looks     = 10
	lookAgain = 20 * time.Millisecond
)

// Replica is a server that runs on this database now.
type Replica struct {
	ID      string // "" where its version does not register
	Version string // "" likewise
	Started time.Time
	Seen    time.Time // by the database's clock; on SQLite when it started
}

// String names the replica in a sentence.
func (r Replica) String() string {
	if r.ID == "" {
		return "a parley of an older version, which does not register,"
	}
	return "parley " + r.Version
}

// Alive returns the replicas that run on this database, but not this process
// itself on SQLite, where it knows by a lock that nobody else does. Those of a
// version that does not register are one replica without an ID.
func Alive(ctx context.Context, db *database.DB) ([]Replica, error) {
	if db.OneServer() {
		return aliveOnFile(ctx, db)
	}
	now, err := db.Clock(ctx, db.Read())
	if err != nil {
		return nil, err
	}
	list, err := registered(ctx, db, now-expiry.Microseconds())
	if err != nil {
		return nil, err
	}
	older, err := hasOlder(ctx, db)
	if older {
		list = append(list, Replica{})
	}
	return list, err
}

// hasOlder reports whether connections are there, and stay, of a version that does
// not register. On MariaDB one that begins or ends has no mark for a moment.
func hasOlder(ctx context.Context, db *database.DB) (bool, error) {
	for look := 1; ; look++ {
		n, err := db.Unmarked(ctx)
		if n == 0 || err != nil || look == looks {
			return n > 0, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// aliveOnFile goes by the lock, which ends with its process: a row that a
// killed one has left says nothing.
func aliveOnFile(ctx context.Context, db *database.DB) ([]Replica, error) {
	served, err := db.Served()
	if !served || err != nil {
		return nil, err
	}
	list, err := registered(ctx, db, 0)
	if len(list) == 0 {
		list = []Replica{{}}
	}
	return list, err
}

// registered returns those seen after that time; none before the table exists.
func registered(ctx context.Context, db *database.DB, after int64) (list []Replica, err error) {
	there, err := db.HasTable(ctx, "replicas")
	if !there || err != nil {
		return nil, err
	}
	err = db.Query(ctx, db.Read(), func(rows *sql.Rows) error {
		var r Replica
		var started, seen int64
		err := rows.Scan(&r.ID, &r.Version, &started, &seen)
		r.Started, r.Seen = database.Time(started), database.Time(seen)
		list = append(list, r)
		return err
	}, `SELECT id, version, started_at, seen_at FROM replicas WHERE seen_at > ? ORDER BY started_at, id`, after)
	return list, err
}

// ErrAlive is returned where what is asked for would pull the schema away under
// a running replica.
var ErrAlive = errors.New("stop it first")

// Refuse returns [ErrAlive], with a sentence that names them, while a replica
// runs on this database.
func Refuse(ctx context.Context, db *database.DB) error {
	list, err := Alive(ctx, db)
	if len(list) == 0 || err != nil {
		return err
	}
	names, again := make([]string, len(list)), ""
	for i, r := range list {
		names[i] = r.String()
	}
	if !db.OneServer() && list[0].ID != "" {
		again = fmt.Sprintf(" (one that was killed counts for %d seconds)", int(expiry.Seconds()))
	}
	return fmt.Errorf("%s runs on this database and would lose its schema: %w%s", strings.Join(names, " and "), ErrAlive, again)
}
