package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// State is where an event stands in the ledger.
type State string

// The states of an event.
const (
	Received  State = "received"  // durably stored, waiting its turn
	Running   State = "running"   // its turn is on
	Sent      State = "sent"      // the platform took the reply
	Ignored   State = "ignored"   // not to be answered, with the reason
	Failed    State = "failed"    // will be tried again
	Dead      State = "dead"      // given up on, with the reason
	Discarded State = "discarded" // by an admin
)

// Known reports whether s is one of the states, or "".
func (s State) Known() bool {
	switch s {
	case "", Received, Running, Sent, Ignored, Failed, Dead, Discarded:
		return true
	}
	return false
}

func (s State) final() bool {
	return s == Sent || s == Ignored || s == Dead || s == Discarded
}

// open and odd are SQL conditions: the states that still need work, and those
// that are few and that admins look for. They are the conditions of the partial
// indexes, which SQLite uses only for a query that says the same; and are
// written without IN, for whose list SQLite would build a table for each row
// that is stored.
const (
	open = "(status = 'received' OR status = 'running' OR status = 'failed')"
	odd  = "(status = 'failed' OR status = 'dead' OR status = 'discarded' OR status = 'ignored')"
)

// Event is an event in the ledger.
type Event struct {
	ID             int64
	Event          platforms.Event
	State          State
	Error          string // why it is ignored, failed or dead
	Attempts       int64  // every try made so far: calls of a model and sends
	Failures       int64  // of them that gateway.max_attempts bounds: ours or the model's
	CalledOff      Signal // who ends it before its reply is complete; "" = nobody
	ConversationID int64  // 0 before its turn
	DeliveryID     int64  // the reply that covers it; 0 before its turn
	ReceivedAt     time.Time
	UpdatedAt      time.Time
	NextAttemptAt  time.Time
	Steps          []Step
}

// IsFirst reports whether nobody has taken the event up before, as far as is known
// from the ledger when it was claimed.
func (e *Event) IsFirst() bool { return len(e.Steps) <= 1 }

// Step is one thing that happened to an event.
type Step struct {
	At     time.Time `json:"at"`
	Status State     `json:"status"`
	Detail string    `json:"detail"`
}

// row is an event as the table holds it.
type row struct {
	ID             int64
	LaneKey        []byte
	Platform       string
	Tenant         string
	EventID        string
	UserKey        string
	Body           string
	Status         State
	Error          string
	Attempts       int64
	Failures       int64
	CalledOff      Signal
	ConversationID *int64
	DeliveryID     *int64
	ReceivedAt     int64
	UpdatedAt      int64
	NextAttemptAt  int64
	Steps          string
}

const columns = "id, lane_key, platform, tenant, event_id, user_key, body, status, error, attempts, failures, called_off, " +
	"conversation_id, delivery_id, received_at, updated_at, next_attempt_at, steps"

// dest returns where columns are scanned to.
func (r *row) dest() []any {
	return []any{
		&r.ID, &r.LaneKey, &r.Platform, &r.Tenant, &r.EventID, &r.UserKey, &r.Body, &r.Status, &r.Error, &r.Attempts, &r.Failures, &r.CalledOff,
		&r.ConversationID, &r.DeliveryID, &r.ReceivedAt, &r.UpdatedAt, &r.NextAttemptAt, &r.Steps,
	}
}

// rows returns events by a condition.
func (l *Ledger) rows(ctx context.Context, in database.Reader, where string, args ...any) ([]row, error) {
	return database.All(ctx, l.DB, in, (*row).dest, "SELECT "+columns+" FROM events WHERE "+where, args...)
}

// body is what of an event needs no column of its own.
type body struct {
	Erased bool `json:"erased,omitempty"` // stands first, see erasedMark
	platforms.Event
}

func (b body) encode() (string, error) {
	b.SentAt = b.SentAt.UTC()
	text, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("encode event: %w", err)
	}
	return string(text), nil
}

// erasedMark begins the body of an event whose text was erased.
const erasedMark = `{"erased":true`

func (r *row) erased() bool { return strings.HasPrefix(r.Body, erasedMark) }

func (r *row) event() (Event, error) {
	var b body
	if err := json.Unmarshal([]byte(r.Body), &b); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", r.ID, err)
	}
	e := Event{
		ID: r.ID, State: r.Status, Error: r.Error, Attempts: r.Attempts, Failures: r.Failures, CalledOff: r.CalledOff,
		ReceivedAt: database.Time(r.ReceivedAt), UpdatedAt: database.Time(r.UpdatedAt),
		NextAttemptAt: database.Time(r.NextAttemptAt), Steps: r.allSteps(),
		Event: b.Event,
	}
	e.Event.Platform, e.Event.Tenant, e.Event.ID = r.Platform, r.Tenant, r.EventID
	if b.Mentions == nil { // stored by an earlier version, or there are none
		e.Event.Mentions = platforms.MentionsIn(b.Metadata)
	}
	if r.ConversationID != nil {
		e.ConversationID = *r.ConversationID
	}
	if r.DeliveryID != nil {
		e.DeliveryID = *r.DeliveryID
	}
	return e, nil
}

// step returns one line to be appended to an event's steps.
func step(at int64, status State, detail string) string {
	b, err := json.Marshal(Step{At: database.Time(at), Status: status, Detail: detail})
	if err != nil { // plain strings and a time: it cannot fail
		return ""
	}
	return string(b) + "\n"
}

// allSteps are the steps kept, after the arrival, which is known anyway.
func (r *row) allSteps() []Step {
	steps := []Step{{At: database.Time(r.ReceivedAt), Status: Received}}
	if r.Status == Ignored && r.Steps == "" {
		steps[0] = Step{At: steps[0].At, Status: Ignored, Detail: r.Error}
	}
	for line := range strings.Lines(r.Steps) {
		var s Step
		if json.Unmarshal([]byte(line), &s) == nil {
			steps = append(steps, s)
		}
	}
	return steps
}
