package erasure

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/service"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// Timings when nothing else is said.
const (
	// defaultPoll is how often what is noted is looked at until it is done, and
	// idlePoll how often the table, which is nearly always empty, while nothing
	// was: another process may have noted something.
	defaultPoll = time.Second
	idlePoll    = 5 * time.Second
	// defaultGrace is how long the answer stays for whoever fetches it.
	defaultGrace = 3 * time.Second
	// stopLimit bounds what is still done at a stop.
	stopLimit = 5 * time.Second
	// restTimes is how much longer than a look through the whole database the
	// rest after it is: on a large one, who clears all the time keeps no
	// processor busy.
	restTimes = 9
	// askedFor is how long it is kept that somebody was told what would go.
	askedFor = time.Hour
)

// Options are what an eraser works with.
type Options struct {
	DB     *database.DB
	Ledger *inbox.Ledger
	Store  *conversation.PersistentConversationManager
	Usage  *usage.Ledger
	// ForgetTx removes what others than the rooms above keep about a person.
	ForgetTx func(ctx context.Context, tx database.Tx, p memory.Person) error
	// Forget takes a person's name off their budget, which stays until its period ends.
	Forget func(ctx context.Context, p memory.Person) error
	// Period returns the budget's period that now lies in.
	Period func(now time.Time) (start, end time.Time)
	// Strays says what else belongs to a person.
	Strays Strays
	Poll   time.Duration // 0 = a second
	Grace  time.Duration // how long the answer stays to be fetched; 0 = 3 s
	Logger *slog.Logger
}

// Eraser erases. It is safe for concurrent use, also by several replicas.
type Eraser struct {
	o      Options
	task   service.Task
	noted  chan struct{} // holds one; something was noted in this process
	rested time.Time     // when the whole database may be looked through again
}

// New returns an eraser on a migrated database.
func New(o Options) *Eraser {
	if o.Poll == 0 {
		o.Poll = defaultPoll
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	return &Eraser{o: o, noted: make(chan struct{}, 1)}
}

// The states of a row.
const (
	asked  = "asked"
	erase  = "erase"
	counts = "tokens"
	ledger = "ledger" // person is the conversation's identity, event_id the last event that belongs to it
	files  = "files"  // all is done but to take it out of the database's files
)

// todo is what a row's data holds.
type todo struct {
	Conversations []int64  `json:"conversations,omitempty"` // hidden, to be removed
	Tenants       []string `json:"tenants,omitempty"`       // further ones that the person was kept under
	Tokens        [][]byte `json:"tokens,omitempty"`        // hashes of user keys
	Counts        [][]byte `json:"counts,omitempty"`        // of the person in budgets
	Said          int64    `json:"said,omitempty"`          // when what they said was gone, in microseconds; 0 = it is not
}

// keysOf returns the user keys of a person, and that of the rooms they may be in.
func keysOf(p memory.Person) (own []string, room string) {
	own = []string{
		platforms.UserKey(p.Platform, platforms.Private, p.SenderID),
		platforms.UserKey(p.Platform, platforms.Group, p.SenderID),
	}
	return append(own, platforms.FormerUserKeys(p.Platform, p.SenderID)...), platforms.RoomKey(p.Platform)
}

// Footprint counts the conversations and messages that would be erased.
func (e *Eraser) Footprint(ctx context.Context, p memory.Person) (conversations, messages int64, err error) {
	all, err := e.Selves(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range all {
		keys, room := keysOf(p)
		c, m, err := e.o.Store.FootprintOf(ctx, p.Tenant, room, keys)
		if err != nil {
			return 0, 0, err
		}
		conversations, messages = conversations+c, messages+m
	}
	return conversations, messages, nil
}

// AskTx notes that the person was told at that time what would be erased.
func (e *Eraser) AskTx(ctx context.Context, tx database.Tx, p memory.Person, at time.Time) error {
	if err := e.unaskTx(ctx, tx, p); err != nil {
		return err
	}
	return e.insertTx(ctx, tx, p.Hash(), asked, at.UnixMicro(), 0, todo{})
}

func (e *Eraser) unaskTx(ctx context.Context, tx database.Tx, p memory.Person) error {
	_, err := e.o.DB.Exec(ctx, tx, "DELETE FROM erasures WHERE person = ? AND state = ?", p.Hash(), asked)
	return err
}

func (e *Eraser) insertTx(ctx context.Context, tx database.Tx, person []byte, state string, at, event int64, t todo) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode an erasure: %w", err)
	}
	select {
	case e.noted <- struct{}{}:
	default:
	}
	_, err = e.o.DB.Exec(ctx, tx, "INSERT INTO erasures (person, state, at, event_id, data) VALUES (?, ?, ?, ?, ?)",
		person, state, at, event, string(data))
	return err
}

// Asked reports whether the person was told since that time what would be erased.
func (e *Eraser) Asked(ctx context.Context, p memory.Person, since time.Time) (bool, error) {
	var n int
	err := e.o.DB.QueryRow(ctx, e.o.DB.Read(), []any{&n}, "SELECT COUNT(*) FROM erasures WHERE person = ? AND state = ? AND at >= ?",
		p.Hash(), asked, since.UnixMicro())
	return n > 0, err
}

// EraseTx takes the person's conversations out of sight, those of all their
// [Eraser.Selves], and notes that the rest goes once the event that asks for it
// is answered.
func (e *Eraser) EraseTx(ctx context.Context, tx database.Tx, all []memory.Person, eventID int64) error {
	p := all[0]
	if err := e.unaskTx(ctx, tx, p); err != nil {
		return err
	}
	keys, _ := keysOf(p)
	var left todo
	for i, p := range all {
		if err := e.o.ForgetTx(ctx, tx, p); err != nil {
			return err
		}
		hidden, err := e.o.Store.HideTx(ctx, tx, p.Tenant, keys)
		if err != nil {
			return err
		}
		left.Conversations = append(left.Conversations, hidden...)
		if i > 0 {
			left.Tenants = append(left.Tenants, p.Tenant)
		}
	}
	now, err := e.o.DB.Clock(ctx, tx)
	if err != nil {
		return err
	}
	return e.insertTx(ctx, tx, p.Hash(), erase, now, eventID, left)
}

// NoteTx notes that a conversation's messages are removed: what the ledger and
// deliveries hold of it goes too. It is for conversation.OnGone.
func (e *Eraser) NoteTx(ctx context.Context, tx database.Tx, g conversation.Gone) error {
	last, err := e.o.Ledger.LastTx(ctx, tx, g.Identity)
	if err != nil {
		return err
	}
	now, err := e.o.DB.Clock(ctx, tx)
	if err != nil {
		return err
	}
	return e.insertTx(ctx, tx, g.Identity, ledger, now, last, todo{Conversations: []int64{g.ID}})
}

// Start does what is left to do until Stop, also what an earlier process has
// left. It may be called twice; after Stop it does nothing.
func (e *Eraser) Start(ctx context.Context) { e.task.Start(ctx, e.loop) }

// Stop ends the work, which the next process takes up again. It may be called
// twice, and before Start.
func (e *Eraser) Stop() {
	if !e.task.Stop() {
		return
	}
	// Nobody can fetch an answer any more. What the next process would do may
	// as well be done: it might not come for long.
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	for range 2 { // what one run has emptied the next takes out of the files
		e.rested = time.Time{}
		if _, err := e.run(ctx, 0); err != nil {
			e.o.Logger.InfoContext(ctx, "an erasure will be continued at the next start", slog.Any("error", err))
			return
		}
	}
}

func (e *Eraser) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for resting := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-e.noted:
			if resting { // not at once: the commit that notes it has not ended yet
				timer.Reset(e.o.Poll)
				resting = false
			}
			continue
		case <-timer.C:
		}
		some, err := e.run(ctx, e.o.Grace)
		if err != nil && ctx.Err() == nil {
			e.o.Logger.ErrorContext(ctx, "an erasure failed; it will be tried again", slog.Any("error", err))
		}
		if resting = !some && err == nil; resting {
			timer.Reset(max(e.o.Poll, idlePoll))
		} else {
			timer.Reset(e.o.Poll)
		}
	}
}
