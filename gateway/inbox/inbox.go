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
	// CrashWait, times the number of deaths, is how long a suspect waits after
	// its process died again, see suspects.go.
	CrashWait time.Duration
	Scope     Scope
	// MentionsOnly ignores what is said in groups without addressing the bot.
	MentionsOnly bool
	// Group returns how many of a lane's oldest events one turn answers, at
	// least 1.
	Group func(events []Event) int
}

// Inbox accepts events and hands them out. It is safe for concurrent use.
type Inbox struct {
	Options
	sql      statements
	arrivals *database.Gatherer[[]entry]
	begin    time.Time
}

// elapsed is a monotonic clock.
func (b *Inbox) elapsed() time.Duration { return time.Since(b.begin) }

// New prepares an inbox on a migrated database.
func New(ctx context.Context, o Options) (*Inbox, error) {
	s, err := prepare(ctx, o.DB)
	if err != nil {
		return nil, err
	}
	b := &Inbox{Options: o, sql: s, begin: time.Now()}
	b.arrivals = database.NewGatherer(o.DB, b.acceptAll)
	b.arrivals.Urgent = true // a platform waits, and for seconds only
	return b, nil
}
