package outbox_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/platforms"
)

// wall is a platform on which everybody sees what is sent. A reply is cut at each bar.
type wall struct {
	mu    sync.Mutex
	shown []*note
	parts []platforms.Part // that it was given to send, open or close
	calls []string
	// at is asked before and after each call has its effect ("before send"); an
	// error that it returns is the call's.
	at func(when string) error
	// finds is what a look says; nil: what is on the wall.
	finds func() (platforms.Finding, string, error)
}

// note is what hangs on a wall.
type note struct {
	key, text string
	seq       int64
	grows     bool
}

func (w *wall) Split(reply string) []string { return strings.Split(reply, "|") }

func (w *wall) Send(_ context.Context, _ platforms.Address, p platforms.Part) (id string, err error) {
	return id, w.do("send", func() error { id = w.add(p, false); return nil })
}

func (w *wall) Find(_ context.Context, _ platforms.Address, p platforms.Part, _ time.Time) (platforms.Finding, string, error) {
	if err := w.step("find"); err != nil {
		return platforms.Unknowable, "", err
	}
	if w.finds != nil {
		return w.finds()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.IndexFunc(w.shown, func(n *note) bool { return n.key == p.Key }); i >= 0 {
		return platforms.Shown, fmt.Sprint("m", i+1), nil
	}
	return platforms.Missing, "", nil
}

// do makes a call with everything that may happen around it.
func (w *wall) do(name string, effect func() error) error {
	if err := w.step("before " + name); err != nil {
		return err
	}
	w.mu.Lock()
	err := effect()
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.step("after " + name)
}

func (w *wall) step(when string) error {
	w.mu.Lock()
	if call, begins := strings.CutPrefix(when, "before "); begins || when == "find" {
		w.calls = append(w.calls, call)
	}
	at := w.at
	w.mu.Unlock()
	if at == nil {
		return nil
	}
	return at(when)
}

func (w *wall) add(p platforms.Part, grows bool) string {
	w.shown, w.parts = append(w.shown, &note{key: p.Key, text: p.Text, grows: grows}), append(w.parts, p)
	return fmt.Sprint("m", len(w.shown))
}

// texts are what people see, in order.
func (w *wall) texts() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.shown {
		text := n.text
		if n.grows {
			text += "…"
		}
		list = append(list, text)
	}
	return list
}

// made returns the calls since it was last asked.
func (w *wall) made() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := strings.Join(w.calls, "/")
	w.calls = nil
	return calls
}

// once returns what fails at the first of these steps alone.
func once(when string, err error) func(string) error {
	return func(step string) error {
		if step != when || err == nil {
			return nil
		}
		defer func() { err = nil }()
		return err
	}
}

// desk is an outbox before a platform called "wall".
type desk struct {
	*outbox.Outbox

	db *database.DB
}

func newDesk(db *database.DB, s platforms.Sender, o outbox.Options) desk {
	o.Sender = func(string) platforms.Sender { return s }
	o.Metrics, o.Logger = metrics.New(), slog.New(slog.DiscardHandler)
	o.GiveUpAfter = cmp.Or(o.GiveUpAfter, time.Hour)
	o.Backoff, o.MaxBackoff = 4*time.Minute, 8*time.Minute
	return desk{outbox.New(db, o), db}
}

// past is a time that any reply has been offered for.
const past = -time.Hour

// reply is a delivery of its own, in a chat.
func reply(id int64, chat, text string) *outbox.Delivery {
	return &outbox.Delivery{
		ID: id, LaneKey: []byte(chat), Platform: "wall", Address: platforms.Address{ChatID: chat}, Text: text,
		Outcome: outbox.Sent, EventIDs: []string{fmt.Sprint("e", id)},
	}
}

func keyOf(d *outbox.Delivery) []byte { return database.Hash("event", fmt.Sprint(d.ID)) }

// seal stores a delivery, as the commit of a turn does.
func (k desk) seal(t *testing.T, d *outbox.Delivery) {
	t.Helper()
	k.Prepare(d, keyOf(d))
	write(t, k.db, func(ctx context.Context, tx database.Tx) error {
		return k.SealTx(ctx, tx, d, database.Micros(time.Now()))
	})
}

// load takes a delivery up as a process does that knows nothing of it.
func (k desk) load(t *testing.T, id int64) *outbox.Delivery {
	t.Helper()
	d, err := k.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// deliver is Deliver with a lease that holds; ended says whether the events are at their end.
func (k desk) deliver(t *testing.T, d *outbox.Delivery) (ended bool, err error) {
	t.Helper()
	err = k.Deliver(t.Context(), d, forHours, func(context.Context, database.Tx) error {
		ended = true
		return nil
	})
	return ended, err
}

func forHours() time.Duration { return time.Hour }

// delivered is deliver of what has nothing in its way.
func (k desk) delivered(t *testing.T, d *outbox.Delivery) {
	t.Helper()
	if ended, err := k.deliver(t, d); err != nil || !ended {
		t.Fatalf("ended %v, %v", ended, err)
	}
}

// states is what the ledger says of the parts of a delivery, in order.
func (k desk) states(t *testing.T, id int64) string {
	t.Helper()
	var list []string
	err := k.db.Query(t.Context(), k.db.Read(), func(rows *sql.Rows) error {
		var state, handle string
		err := rows.Scan(&state, &handle)
		if handle != "" {
			state += ":" + handle
		}
		list = append(list, state)
		return err
	}, "SELECT state, handle FROM delivery_parts WHERE delivery_id = ? ORDER BY n", id)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, "/")
}

func (k desk) wantStates(t *testing.T, id int64, want string) {
	t.Helper()
	if got := k.states(t, id); got != want {
		t.Errorf("the ledger says %q, want %q", got, want)
	}
}

func write(t *testing.T, db *database.DB, fn func(context.Context, database.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// is reports whether err is of a kind and code, "" of any.
func is(err error, kind failure.Kind, code string) bool {
	return err != nil && failure.KindOf(err) == kind && (code == "" || failure.CodeOf(err) == code)
}
