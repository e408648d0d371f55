package inbox

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
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
	Scope Scope
	// MentionsOnly ignores what is said in groups without addressing the bot.
	MentionsOnly bool
	// Group returns how many of a lane's oldest events one turn answers, at
	// least 1.
	Group func(events []Event) int
}

// Inbox accepts events and hands them out. It is safe for concurrent use.
type Inbox struct {
	Options
	sql   statements
	begin time.Time
}

// elapsed is a monotonic clock.
func (b *Inbox) elapsed() time.Duration { return time.Since(b.begin) }

// New prepares an inbox on a migrated database.
func New(ctx context.Context, o Options) (*Inbox, error) {
	s, err := prepare(ctx, o.DB)
	if err != nil {
		return nil, err
	}
	return &Inbox{Options: o, sql: s, begin: time.Now()}, nil
}

// Accept stores events durably, in one commit, and returns once they are.
// An event that is there already (by its id or its message) has no second
// effect. Errors are of kind failure.Invalid or Unavailable.
func (b *Inbox) Accept(ctx context.Context, events []platforms.Event) ([]Accepted, error) {
	entries := make([]entry, len(events))
	for i := range events {
		if err := b.prepareEntry(&entries[i], &events[i]); err != nil {
			return nil, err
		}
	}
	result := make([]Accepted, len(entries))
	err := b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		for i := range entries {
			if result[i], err = b.acceptTx(ctx, tx, &entries[i], now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, failure.New(failure.Unavailable, "not_stored", "the event could not be stored; send it again", err)
	}
	return result, nil
}

// entry is an event ready to be stored.
type entry struct {
	event      *platforms.Event
	userKey    string
	eventKey   []byte
	messageKey any // nil: NULL
	laneKey    []byte
	body       string
	state      State
	reason     string
}

func (b *Inbox) prepareEntry(n *entry, e *platforms.Event) error {
	if err := e.Validate(); err != nil {
		return err
	}
	key := b.Scope.Key(e)
	text, err := encodeBody(e)
	if err != nil {
		return err
	}
	*n = entry{
		event: e, userKey: e.UserKey(), eventKey: EventKey(e), laneKey: key.Identity(),
		body: text, state: Received, reason: b.ignore(e),
	}
	if n.reason != "" {
		// An ignored event does not take the message's key: Slack tells of
		// one mention twice, and only one of the two shows that it is one.
		n.state = Ignored
	} else if e.MessageKey != "" {
		n.messageKey = database.Hash("message", e.Platform, e.Tenant, e.App, e.MessageKey)
	}
	return nil
}

func (b *Inbox) ignore(e *platforms.Event) string {
	switch {
	case e.Ignore != "":
		return e.Ignore
	case b.MentionsOnly && e.ChatType == platforms.Group && e.Kind == platforms.KindMessage && !e.Mentioned:
		return "no mention in a group"
	}
	return ""
}

// EventKey identifies a delivered event whatever else changes between deliveries.
func EventKey(e *platforms.Event) []byte {
	return database.Hash("event", e.Platform, e.Tenant, e.App, e.ID)
}

func (b *Inbox) acceptTx(ctx context.Context, tx database.Tx, n *entry, now int64) (Accepted, error) {
	a := Accepted{Platform: n.event.Platform, EventID: n.event.ID, UserKey: n.userKey}
	// The lane comes first: its row is held until the commit, so that ids, and
	// with them the order of answers, follow the order of commits.
	if n.state == Received {
		if _, err := b.sql.upsertLane.Exec(ctx, tx, n.laneKey, b.Queue, now, now); err != nil {
			return a, err
		}
	}
	var err error
	a.ID, err = b.sql.insertEvent.Insert(ctx, tx,
		n.eventKey, n.messageKey, n.laneKey, n.event.Platform, n.event.Tenant, n.event.ID, n.userKey,
		n.body, n.state, n.reason, now, now)
	if err != nil || a.ID != 0 {
		return a, err
	}
	return b.duplicateTx(ctx, tx, n)
}

// duplicateTx answers for an event that is there already. The lane may have
// been woken for nothing; a claim finds that out.
func (b *Inbox) duplicateTx(ctx context.Context, tx database.Tx, n *entry) (Accepted, error) {
	a := Accepted{Duplicate: true, Platform: n.event.Platform}
	dest := []any{&a.ID, &a.EventID, &a.UserKey}
	err := b.sql.findByEventKey.QueryRow(ctx, tx, dest, n.event.ID, n.eventKey)
	if errors.Is(err, sql.ErrNoRows) {
		err = b.sql.findByMessageKey.QueryRow(ctx, tx, dest, n.messageKey)
	}
	return a, err
}
