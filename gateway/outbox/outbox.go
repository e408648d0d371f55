package outbox

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/parley-bot/parley/internal/database"
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
	EventIDs  []string // the platform's ids of the events it answers
	parts     []part
}

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
}

// Outbox delivers replies. It is safe for concurrent use.
type Outbox struct {
	db *database.DB
	Options
}

// New returns an outbox on a migrated database.
func New(db *database.DB, o Options) *Outbox { return &Outbox{db: db, Options: o} }

// TakesFile reports whether a file can be shown at that address.
func (o *Outbox) TakesFile(platform string, to platforms.Address) bool {
	s, ok := o.Sender(platform).(platforms.FileSender)
	return ok && s.TakesFile(to)
}

// Silent reports whether who asks on that platform reads the reply from us.
func (o *Outbox) Silent(platform string) bool {
	s, ok := o.Sender(platform).(platforms.SilentSender)
	return ok && s.Silent()
}

// Prepare cuts the reply for its platform; a File, which the platform must
// take, stays whole. Nothing is stored yet.
func (o *Outbox) Prepare(d *Delivery, eventKey []byte) {
	// The key follows from the event's own identity, so that it is the same
	// after a restart and never that of another database's event.
	base := hex.EncodeToString(eventKey[:14])
	if d.File == nil {
		d.parts = o.split(d, base, 0)
		return
	}
	d.parts = []part{{key: partKey(base, 0), file: d.File.Name, text: d.File.Content, state: sending}}
}

// split makes d's text the parts from number first on, the first of which is
// being sent.
func (o *Outbox) split(d *Delivery, base string, first int) []part {
	if o.Silent(d.Platform) {
		return nil
	}
	var list []part
	for i, text := range o.Sender(d.Platform).Split(d.Text) {
		n := first + i
		p := part{n: n, key: partKey(base, n), text: text, state: pending}
		if i == 0 {
			p.state = sending
		}
		list = append(list, p)
	}
	return list
}

func partKey(base string, n int) string { return base + "-" + strconv.Itoa(n) }

// Silent reports that nothing has to be sent: who asked reads the reply from us.
func (d *Delivery) Silent() bool { return len(d.parts) == 0 }

// CreateTx stores a prepared delivery.
func (o *Outbox) CreateTx(ctx context.Context, tx database.Tx, d *Delivery) error {
	address, err := json.Marshal(d.Address)
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	now, err := o.db.Clock(ctx, tx)
	if err != nil {
		return err
	}
	state := "open"
	if d.Silent() {
		state = "done"
	}
	_, err = o.db.Exec(ctx, tx, `INSERT INTO deliveries (id, lane_key, platform, address, text, state, outcome, error,
		message_id, tokens, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, d.LaneKey, d.Platform, string(address), d.Text, state, string(d.Outcome), d.Error,
		d.MessageID, d.Tokens, now, now)
	if err != nil {
		return err
	}
	return o.insertParts(ctx, tx, d.ID, d.parts, now)
}

func (o *Outbox) insertParts(ctx context.Context, tx database.Tx, deliveryID int64, parts []part, now int64) error {
	for i := range parts {
		p := &parts[i]
		tried := int64(0)
		if p.state == sending {
			tried = now
			p.since = database.Time(now)
		}
		_, err := o.db.Exec(ctx, tx, `INSERT INTO delivery_parts (delivery_id, n, part_key, file_name, text, state, tried_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, deliveryID, p.n, p.key, p.file, p.text, string(p.state), tried)
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
func (o *Outbox) Get(ctx context.Context, id int64) (*Delivery, error) {
	var d Delivery
	var address string
	err := o.db.QueryRow(ctx, o.db.Read(), []any{
		&d.ID, &d.LaneKey, &d.Platform, &address, &d.Text, &d.Outcome, &d.Error, &d.MessageID, &d.Tokens,
	}, `SELECT id, lane_key, platform, address, CASE WHEN octet_length(text) > ? THEN ? ELSE text END, outcome, error, message_id, tokens
		FROM deliveries WHERE id = ?`, maxText, shorten.Mark, id)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(address), &d.Address); err != nil {
		return nil, fmt.Errorf("delivery %d: address: %w", id, err)
	}
	return &d, nil
}

// Load returns a delivery with its parts, to be taken up again.
func (o *Outbox) Load(ctx context.Context, id int64) (*Delivery, error) {
	d, err := o.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	err = o.db.Query(ctx, o.db.Read(), func(rows *sql.Rows) error {
		var p part
		var tried int64
		err := rows.Scan(&p.n, &p.key, &p.file, &p.text, &p.state, &tried)
		p.since, p.doubt = database.Time(tried), p.state == sending
		d.parts = append(d.parts, p)
		return err
	}, "SELECT n, part_key, file_name, text, state, tried_at FROM delivery_parts WHERE delivery_id = ? ORDER BY n", id)
	return d, err
}
