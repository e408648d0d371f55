package inbox

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// Options say how an inbox works.
type Options struct {
	Ledger *Ledger
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
	// Follow says where that does not hold; "" = nowhere.
	Follow Follow
	// Refuse returns why an event is ignored although it is meant for the bot, ""
	// = it is not; nil: none is.
	Refuse func(ctx context.Context, e *platforms.Event) (string, error)
	// Group returns how many of a lane's oldest events one turn answers, at
	// least 1.
	Group func(events []Event) int
	// KeysSince is since when a message's key is what it is; what the ledger holds
	// from before is looked for by its former keys too.
	KeysSince time.Time
	// Stops reports whether an event asks for no more of the reply that is being
	// made in its lane; nil: none does.
	Stops func(e *platforms.Event) bool
	// Admin reports whether who has sent an event may stop what others have
	// asked for; nil: nobody may.
	Admin func(e *platforms.Event) bool
}

// Inbox accepts events and hands them out. It is safe for concurrent use.
type Inbox struct {
	*Ledger
	o      Options
	begin  time.Time
	former bool // the ledger may hold messages from before KeysSince
}

// Queue returns which events it accepts and hands out, see [Options.Queue].
func (b *Inbox) Queue() string { return b.o.Queue }

// LeaseTime returns how long a lane is held without a heartbeat.
func (b *Inbox) LeaseTime() time.Duration { return b.o.Lease }

// IsAdmin reports whether who has sent an event may stop what others have asked for.
func (b *Inbox) IsAdmin(e *platforms.Event) bool { return b.o.Admin != nil && b.o.Admin(e) }

// elapsed is a monotonic clock.
func (b *Inbox) elapsed() time.Duration { return time.Since(b.begin) }

// New returns an inbox on a migrated database.
func New(ctx context.Context, o Options) (*Inbox, error) {
	b := &Inbox{Ledger: o.Ledger, o: o, begin: time.Now()}
	var err error
	b.former, err = b.holdsFormer(ctx)
	return b, err
}

// holdsFormer reports whether the oldest event of the ledger was stored by an
// earlier version. Once those are trimmed, the next start looks no more.
func (b *Inbox) holdsFormer(ctx context.Context) (bool, error) {
	var n int
	err := b.DB.QueryRow(ctx, b.DB.Read(), []any{&n}, "SELECT COUNT(*) FROM events WHERE id = (SELECT MIN(id) FROM events) AND received_at < ?",
		database.Micros(b.o.KeysSince))
	return n > 0, err
}
