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
	Attempts       int64  // that ended in failure
	ConversationID int64  // 0 before its turn
	DeliveryID     int64  // the reply that covers it; 0 before its turn
	ReceivedAt     time.Time
	UpdatedAt      time.Time
	NextAttemptAt  time.Time
	Steps          []Step
}

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
	ConversationID *int64
	DeliveryID     *int64
	ReceivedAt     int64
	UpdatedAt      int64
	NextAttemptAt  int64
	Steps          string
}

const columns = "id, lane_key, platform, tenant, event_id, user_key, body, status, error, attempts, " +
	"conversation_id, delivery_id, received_at, updated_at, next_attempt_at, steps"

// dest returns where columns are scanned to.
func (r *row) dest() []any {
	return []any{
		&r.ID, &r.LaneKey, &r.Platform, &r.Tenant, &r.EventID, &r.UserKey, &r.Body, &r.Status, &r.Error, &r.Attempts,
		&r.ConversationID, &r.DeliveryID, &r.ReceivedAt, &r.UpdatedAt, &r.NextAttemptAt, &r.Steps,
	}
}

// rows returns events by a condition.
func (b *Inbox) rows(ctx context.Context, in database.Reader, where string, args ...any) ([]row, error) {
	return database.All(ctx, b.DB, in, (*row).dest, "SELECT "+columns+" FROM events WHERE "+where, args...)
}

// body is what of an event needs no column of its own.
type body struct {
	Erased     bool                `json:"erased,omitempty"` // stands first, see erasedMark
	App        string              `json:"app,omitempty"`
	Kind       platforms.Kind      `json:"kind"`
	ChatType   platforms.ChatType  `json:"chat_type"`
	ChatID     string              `json:"chat_id"`
	ThreadID   string              `json:"thread_id,omitempty"`
	SenderID   string              `json:"sender_id"`
	SenderName string              `json:"sender_name,omitempty"`
	Text       string              `json:"text"`
	Mentioned  bool                `json:"mentioned,omitempty"`
	SentAt     time.Time           `json:"sent_at"`
	Locale     string              `json:"locale,omitempty"`
	ReplyTo    platforms.Address   `json:"reply_to"`
	Mentions   []platforms.Mention `json:"mentions,omitempty"`
	Metadata   map[string]any      `json:"metadata,omitempty"`
}

func encodeBody(e *platforms.Event) (string, error) {
	b, err := json.Marshal(body{
		App: e.App, Kind: e.Kind, ChatType: e.ChatType, ChatID: e.ChatID, ThreadID: e.ThreadID,
		SenderID: e.SenderID, SenderName: e.SenderName, Text: e.Text, Mentioned: e.Mentioned,
		SentAt: e.SentAt.UTC(), Locale: e.Locale, ReplyTo: e.ReplyTo, Mentions: e.Mentions, Metadata: e.Metadata,
	})
	if err != nil {
		return "", fmt.Errorf("encode event: %w", err)
	}
	return string(b), nil
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
		ID: r.ID, State: r.Status, Error: r.Error, Attempts: r.Attempts,
		ReceivedAt: database.Time(r.ReceivedAt), UpdatedAt: database.Time(r.UpdatedAt),
		NextAttemptAt: database.Time(r.NextAttemptAt), Steps: r.allSteps(),
		Event: platforms.Event{
			Platform: r.Platform, Tenant: r.Tenant, App: b.App, ID: r.EventID,
			Kind: b.Kind, ChatType: b.ChatType, ChatID: b.ChatID, ThreadID: b.ThreadID,
			SenderID: b.SenderID, SenderName: b.SenderName, Text: b.Text, Mentioned: b.Mentioned,
			SentAt: b.SentAt, Locale: b.Locale, ReplyTo: b.ReplyTo, Mentions: b.Mentions, Metadata: b.Metadata,
		},
	}
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
