package inbox

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Options say how an inbox works.
type Options struct {
	DB *database.DB
	// Queue keeps the events of one kind of worker apart from others on the
	// same database; "" is the server's.
	Queue string
	// Owner names this process in leases; it is different after each start.
	Owner string
	// Lease is how long a lane is held without a heartbeat.
	Lease time.Duration
	// CrashWait, times the deaths before, is how long a lane waits after its
	// process died again, see quarantine.go.
	CrashWait time.Duration
	Scope     Scope
	// MentionsOnly ignores what is said in groups without addressing the bot.
	MentionsOnly bool
	// Group returns how many of a lane's oldest events one turn answers, at
	// least 1.
	Group func(events []Event) int
	// KeysSince is since when a message is known by its app, whatever the
	// tenant; what the ledger holds from before is looked for by tenant too.
	KeysSince time.Time
	// Deliveries are the replies to the events, which go and come back with them.
	Deliveries Deliveries
}

// Deliveries is what the ledger wants of the replies.
type Deliveries interface {
	// DropTx removes replies.
	DropTx(ctx context.Context, tx database.Tx, ids []int64) error
	// ReopenTx has a reply shown again as far as it is not shown, and reports
	// false where it was the sentence that there is none, which it removes.
	ReopenTx(ctx context.Context, tx database.Tx, id int64) (bool, error)
}

// Inbox accepts events and hands them out. It is safe for concurrent use.
type Inbox struct {
	Options
	sql    dialect
	begin  time.Time
	former bool // the ledger may hold messages from before KeysSince
}

// elapsed is a monotonic clock.
func (b *Inbox) elapsed() time.Duration { return time.Since(b.begin) }

// New returns an inbox on a migrated database.
func New(ctx context.Context, o Options) (*Inbox, error) {
	b := &Inbox{Options: o, sql: dialectOf(o.DB.Engine()), begin: time.Now()}
	var err error
	b.former, err = b.holdsFormer(ctx)
	return b, err
}

// holdsFormer reports whether the oldest event of the ledger was stored by an
// earlier version. Once those are trimmed, the next start looks no more.
func (b *Inbox) holdsFormer(ctx context.Context) (bool, error) {
	var n int
	err := b.DB.QueryRow(ctx, b.DB.Read(), []any{&n}, "SELECT COUNT(*) FROM events WHERE id = (SELECT MIN(id) FROM events) AND received_at < ?",
		database.Micros(b.KeysSince))
	return n > 0, err
}
