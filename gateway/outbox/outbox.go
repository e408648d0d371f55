package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/shorten"
	"github.com/parley-bot/parley/platforms"
)

// Outcome is how the events that a delivery answers end once it is shown.
type Outcome string

// The outcomes.
const (
	Sent Outcome = "sent" // it is the reply
	Dead Outcome = "dead" // it is the sentence that says there is none
)

type partState string

const (
	pending partState = "pending" // certainly not shown
	sending partState = "sending" // perhaps shown
	sent    partState = "sent"    // shown
)

// Delivery is a reply on its way to a platform. Its id is that of the oldest
// event it answers.
type Delivery struct {
	ID        int64
	LaneKey   []byte
	Platform  string
	Address   platforms.Address
	Text      string
	File      *File // shown in place of Text; nil = Text is shown
	Outcome   Outcome
	Error     string // with Dead: why, for the ledger
	MessageID int64  // of the reply in its conversation; 0 when it is not kept
	Tokens    int64
	Verbs     []platforms.Verb // the buttons under it, as far as the platform has them
	EventIDs  []string         // the platform's ids of the events it answers
	parts     []part
	begun     []part    // what there is of it before its reply is made
	since     time.Time // since when it is offered to the platform
	tries     int64
}

// Seen reports whether the chat has been shown something of it, or may have been.
func (d *Delivery) Seen() bool {
	return slices.ContainsFunc(d.parts, func(p part) bool { return p.state != pending })
}

// Tries returns how many sends were made since it was made or loaded.
func (d *Delivery) Tries() int64 { return d.tries }

// File is a reply in the form of a file.
type File struct{ Name, Content string }

type part struct {
	n     int
	key   string
	file  string // the file's name; "" = a message
	text  string
	state partState
	since time.Time // when the first send of unknown outcome began
	// doubt: a send of an earlier run may have been taken. Whatever becomes of
	// later ones, the part never counts as certainly not shown again.
	doubt bool

	// Of a message that grows:
	handle  string // by what the platform knows it; "" = it is none
	takes   int64  // how often it was taken up
	taken   bool   // by this process, since it was loaded
	changes int64  // made since then
}

// Options say how replies are sent.
type Options struct {
	// Sender returns the platform's sender by its name.
	Sender func(platform string) platforms.Sender
	// Settle is how long after the start of a send whose outcome is unknown
	// the platform may still take it, by platform. Looking for it earlier
	// could miss it. None: it may be repeated at any time.
	Settle map[string]time.Duration
	// GiveUpAfter is how long a finished reply is offered to a platform that
	// holds it back. It is offered once more after a wait that ends later.
	GiveUpAfter time.Duration
	// Backoff is the wait after a platform has held a reply back the first time;
	// it doubles up to MaxBackoff, with jitter.
	Backoff, MaxBackoff time.Duration
	// OpenAfter is how long after a reply's first text more has to come for its
	// message to be opened; default 750 ms. One that is faster is sent whole.
	OpenAfter time.Duration
	// EditEvery is how often a growing message is changed where its platform does
	// not say (platforms.Tempo); default 1 s. Where the platform has no room for
	// that it is changed less often, or no more.
	EditEvery time.Duration
	// Circuits are those of the platforms' APIs, by platform: there is one
	// token, app or callback for each. nil: every call is made.
	Circuits *breaker.Set
	Metrics  *metrics.Metrics
	Logger   *slog.Logger
}

// Outbox delivers replies. It is safe for concurrent use.
type Outbox struct {
	db   *database.DB
	o    Options
	pace *pacer
	due  func() // may be nil
	// drafts are the replies that are shown while they are made: *Draft by delivery.
	drafts sync.Map
}

// New returns an outbox on a migrated database.
func New(db *database.DB, o Options) *Outbox {
	o.OpenAfter, o.EditEvery = cmp.Or(o.OpenAfter, 750*time.Millisecond), cmp.Or(o.EditEvery, time.Second)
	return &Outbox{db: db, o: o, pace: newPacer(time.Now)}
}

// Sender returns a platform's sender by its name.
func (b *Outbox) Sender(platform string) platforms.Sender { return b.o.Sender(platform) }

// OnDue has fn called when a reply that stands in line may be due. It must not
// block, and is set before anything is delivered.
func (b *Outbox) OnDue(fn func()) { b.due = fn }

// TakesFile reports whether a file can be shown at that address.
func (b *Outbox) TakesFile(platform string, to platforms.Address) bool {
	s, ok := b.Sender(platform).(platforms.FileSender)
	return ok && s.TakesFile(to)
}

// OfMessage returns the reply that a pressed button stands under; 0 when it is none.
func (b *Outbox) OfMessage(ctx context.Context, e *platforms.Event) (int64, error) {
	return Table{DB: b.db}.OfMessage(ctx, b.db.Read(), e.Platform, e.ChatID, e.Press.MessageID)
}

// Whispers reports whether something can be said at that address to one person alone.
func (b *Outbox) Whispers(platform string, to platforms.Address) bool {
	s, ok := b.Sender(platform).(platforms.Whisperer)
	return ok && s.Whispers(to)
}

// DropTx removes replies that are not to be shown.
func (b *Outbox) DropTx(ctx context.Context, tx database.Tx, ids []int64) error {
	return Table{DB: b.db}.DropTx(ctx, tx, ids)
}

// Silent reports whether who asks on that platform reads the reply from us.
func (b *Outbox) Silent(platform string) bool {
	s, ok := b.Sender(platform).(platforms.SilentSender)
	return ok && s.Silent()
}

// Prepare cuts the reply for its platform; a File, which the platform must
// take, stays whole. Nothing is stored yet.
func (b *Outbox) Prepare(d *Delivery, eventKey []byte) {
	// The key follows from the event's own identity, so that it is the same
	// after a restart and never that of another database's event.
	base := baseKey(eventKey)
	kept, own := closed(d.begun), growing(d.begun)
	if d.File == nil || own != nil {
		fresh := b.split(d, base, len(kept))
		switch {
		case len(fresh) == 0:
		case own != nil: // it goes on in that message
			text := fresh[0].text
			fresh[0] = *own
			fresh[0].text = text
		case b.isFree(d): // nobody stands before it in line
			fresh[0].state = sending
		}
		d.parts = append(kept, fresh...)
		return
	}
	d.parts = append(kept, part{n: len(kept), key: partKey(base, len(kept)), file: d.File.Name, text: d.File.Content, state: sending})
}

func baseKey(eventKey []byte) string { return hex.EncodeToString(eventKey[:14]) }

// split makes d's text the parts from number first on.
func (b *Outbox) split(d *Delivery, base string, first int) []part {
	if b.Silent(d.Platform) {
		return nil
	}
	var list []part
	for i, text := range b.Sender(d.Platform).Split(d.Text) {
		n := first + i
		list = append(list, part{n: n, key: partKey(base, n), text: text, state: pending})
	}
	return list
}

func partKey(base string, n int) string { return base + "-" + strconv.Itoa(n) }

// Silent reports that nothing has to be sent: who asked reads the reply from us.
func (d *Delivery) Silent() bool { return len(d.parts) == 0 }

// SealTx stores a prepared delivery, or completes the one that there is. now is
// the database's clock.
func (b *Outbox) SealTx(ctx context.Context, tx database.Tx, d *Delivery, now int64) error {
	address, err := json.Marshal(d.Address)
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	d.since = database.Time(now)
	state := "open"
	if d.Silent() {
		state = "done"
	}
	if len(d.begun) == 0 { // it is new, and so are its parts
		_, err = b.db.Exec(ctx, tx, `INSERT INTO deliveries (id, lane_key, platform, address, text, state, outcome, error,
			message_id, tokens, verbs, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			d.ID, d.LaneKey, d.Platform, string(address), d.Text, state, string(d.Outcome), d.Error,
			d.MessageID, d.Tokens, joinVerbs(d.Verbs), now, now)
		if err != nil {
			return err
		}
		return b.insertParts(ctx, tx, d.ID, d.parts, now)
	}
	_, err = b.db.Exec(ctx, tx, `UPDATE deliveries SET address = ?, text = ?, state = ?, outcome = ?, error = ?, message_id = ?, tokens = ?,
		verbs = ?, updated_at = ? WHERE id = ?`, string(address), d.Text, state, string(d.Outcome), d.Error, d.MessageID, d.Tokens,
		joinVerbs(d.Verbs), now, d.ID)
	if err != nil {
		return err
	}
	return b.replaceParts(ctx, tx, d.ID, d.parts[len(closed(d.begun)):], now)
}

// replaceParts stores parts in place of those with their numbers and above.
func (b *Outbox) replaceParts(ctx context.Context, tx database.Tx, deliveryID int64, parts []part, now int64) error {
	if len(parts) == 0 {
		return nil
	}
	if _, err := b.db.Exec(ctx, tx, "DELETE FROM delivery_parts WHERE delivery_id = ? AND n >= ?", deliveryID, parts[0].n); err != nil {
		return err
	}
	return b.insertParts(ctx, tx, deliveryID, parts, now)
}

func (b *Outbox) insertParts(ctx context.Context, tx database.Tx, deliveryID int64, parts []part, now int64) error {
	for i := range parts {
		p := &parts[i]
		if p.state == sending && p.since.IsZero() {
			p.since = database.Time(now)
		}
		_, err := b.db.Exec(ctx, tx, `INSERT INTO delivery_parts (delivery_id, n, part_key, file_name, text, state, tried_at, handle, takes)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, deliveryID, p.n, p.key, p.file, p.text, string(p.state), database.Micros(p.since), p.handle, p.takes)
		if err != nil {
			return err
		}
	}
	return nil
}

// maxText is the longest text of a delivery that is read, in bytes: more than any
// that is made today. An earlier version knew no limit.
const maxText = 8 << 20

// Get returns a delivery without its parts; sql.ErrNoRows when there is none. A
// text of more than 8 MiB is "…" alone.
func (b *Outbox) Get(ctx context.Context, id int64) (*Delivery, error) {
	var d Delivery
	var address, verbs string
	var since int64
	err := b.db.QueryRow(ctx, b.db.Read(), []any{
		&d.ID, &d.LaneKey, &d.Platform, &address, &d.Text, &d.Outcome, &d.Error, &d.MessageID, &d.Tokens, &verbs, &since,
	}, `SELECT id, lane_key, platform, address, CASE WHEN octet_length(text) > ? THEN ? ELSE text END, outcome, error, message_id, tokens, verbs, updated_at
		FROM deliveries WHERE id = ?`, maxText, shorten.Mark, id)
	if err != nil {
		return nil, err
	}
	d.since, d.Verbs = database.Time(since), splitVerbs(verbs)
	if err := json.Unmarshal([]byte(address), &d.Address); err != nil {
		return nil, fmt.Errorf("delivery %d: address: %w", id, err)
	}
	return &d, nil
}

// joinVerbs is the form in which buttons are stored.
func joinVerbs(verbs []platforms.Verb) string {
	words := make([]string, len(verbs))
	for i, v := range verbs {
		words[i] = string(v)
	}
	return strings.Join(words, " ")
}

func splitVerbs(text string) (verbs []platforms.Verb) {
	for word := range strings.FieldsSeq(text) {
		verbs = append(verbs, platforms.Verb(word))
	}
	return verbs
}

// Load returns a delivery with its parts, to be taken up again.
func (b *Outbox) Load(ctx context.Context, id int64) (*Delivery, error) {
	d, err := b.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	d.parts, err = b.loadParts(ctx, id)
	return d, err
}

func (b *Outbox) loadParts(ctx context.Context, id int64) (parts []part, err error) {
	err = b.db.Query(ctx, b.db.Read(), func(rows *sql.Rows) error {
		var p part
		var tried int64
		err := rows.Scan(&p.n, &p.key, &p.file, &p.text, &p.state, &tried, &p.handle, &p.takes)
		p.since, p.doubt = database.Time(tried), p.state == sending && (p.handle == "" || p.handle == opening)
		parts = append(parts, p)
		return err
	}, "SELECT n, part_key, file_name, text, state, tried_at, handle, takes FROM delivery_parts WHERE delivery_id = ? ORDER BY n", id)
	return parts, err
}
