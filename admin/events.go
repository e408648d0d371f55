package admin

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/respond"
)

// Events is the ledger of inbound events.
type Events interface {
	List(ctx context.Context, o inbox.ListOptions) (events []inbox.Event, next int64, err error)
	// Lookup takes our id, the platform's or "platform:ID"; failure.NotFound.
	Lookup(ctx context.Context, ref string) (inbox.Event, error)
	Replay(ctx context.Context, id int64) error
	Discard(ctx context.Context, id int64) error
}

// EventItem is an event as programs see it.
type EventItem struct {
	ID             int64        `json:"id"`
	Platform       string       `json:"platform"`
	EventID        string       `json:"event_id"` // the platform's
	UserKey        string       `json:"user_key"`
	ConversationID *int64       `json:"conversation_id"`
	Status         inbox.State  `json:"status"`
	Attempts       int64        `json:"attempts"`
	ReceivedAt     time.Time    `json:"received_at"`
	UpdatedAt      time.Time    `json:"updated_at"`
	NextAttemptAt  *time.Time   `json:"next_attempt_at"`
	Error          *string      `json:"error"`
	Steps          []inbox.Step `json:"steps,omitempty"`
}

// NewEventItem returns e without its steps.
func NewEventItem(e *inbox.Event) EventItem {
	item := EventItem{
		ID: e.ID, Platform: e.Event.Platform, EventID: e.Event.ID, UserKey: e.Event.UserKey(),
		Status: e.State, Attempts: e.Attempts, ReceivedAt: e.ReceivedAt, UpdatedAt: e.UpdatedAt,
	}
	if e.ConversationID != 0 {
		item.ConversationID = &e.ConversationID
	}
	if !e.NextAttemptAt.IsZero() {
		item.NextAttemptAt = &e.NextAttemptAt
	}
	if e.Error != "" {
		item.Error = &e.Error
	}
	return item
}

func (a *admin) listEvents(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	o := inbox.ListOptions{Status: inbox.State(q.Get("status")), UserKey: q.Get("user_key")}
	if !o.Status.Known() {
		return failure.New(failure.Invalid, "invalid_status", "status must be received, running, sent, ignored, failed, dead or discarded", nil)
	}
	var err error
	if v := q.Get("limit"); v != "" {
		if o.Limit, err = strconv.Atoi(v); err != nil || o.Limit < 1 {
			return failure.New(failure.Invalid, "invalid_limit", "limit must be a whole number above 0", nil)
		}
	}
	if v := q.Get("cursor"); v != "" {
		if o.Before, err = strconv.ParseInt(v, 10, 64); err != nil || o.Before < 1 {
			return failure.New(failure.Invalid, "invalid_cursor", "invalid cursor", nil)
		}
	}
	events, next, err := a.o.Events.List(r.Context(), o)
	if err != nil {
		return err
	}
	items := make([]EventItem, len(events))
	for i := range events {
		items[i] = NewEventItem(&events[i])
	}
	cursor := ""
	if next > 0 {
		cursor = strconv.FormatInt(next, 10)
	}
	respond.JSON(w, http.StatusOK, map[string]any{"items": items, "next_cursor": cursor})
	return nil
}

func (a *admin) showEvent(w http.ResponseWriter, r *http.Request) error {
	e, err := a.o.Events.Lookup(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	item := NewEventItem(&e)
	item.Steps = e.Steps
	respond.JSON(w, http.StatusOK, item)
	return nil
}

func (a *admin) replayEvent(w http.ResponseWriter, r *http.Request) error {
	return a.changeEvent(w, r, a.o.Events.Replay)
}

func (a *admin) discardEvent(w http.ResponseWriter, r *http.Request) error {
	return a.changeEvent(w, r, a.o.Events.Discard)
}

func (a *admin) changeEvent(w http.ResponseWriter, r *http.Request, change func(context.Context, int64) error) error {
	e, err := a.o.Events.Lookup(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := change(r.Context(), e.ID); err != nil {
		return err
	}
	if e, err = a.o.Events.Lookup(r.Context(), strconv.FormatInt(e.ID, 10)); err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, NewEventItem(&e))
	return nil
}

func (a *admin) eventRoutes() {
	if a.o.Events == nil {
		return
	}
	a.handle("GET /api/v1/events", a.listEvents)
	a.handle("GET /api/v1/events/{id}", a.showEvent)
	a.handle("POST /api/v1/events/{id}/replay", a.replayEvent)
	a.handle("POST /api/v1/events/{id}/discard", a.discardEvent)
}
