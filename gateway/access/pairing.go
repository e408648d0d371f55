package access

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// State is how somebody stands with the bot.
type State string

// The states.
const (
	Waiting  State = "open"     // has a code that an admin may approve
	Approved State = "approved" // is answered
	stranger State = ""
)

const (
	// codeLife is how long a code can be approved.
	codeLife = time.Hour
	// maxOpen is how many codes of one app are open at a time.
	maxOpen = 100
	// alphabet holds what nobody takes for another: 32 characters without 0 O 1 I.
	alphabet   = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	codeLength = 8
)

// Pair is somebody who has asked to be answered.
type Pair struct {
	ID        int64     `json:"id"`
	Code      string    `json:"code"`
	Platform  string    `json:"platform"`
	Tenant    string    `json:"tenant"`
	UserID    string    `json:"user_id"`
	Name      string    `json:"name"`
	State     State     `json:"state"`
	ExpiresAt time.Time `json:"expires_at"` // of the code; zero once it is approved
}

// Book holds who is paired. It is safe for concurrent use.
type Book struct{ DB *database.DB }

var errTaken = errors.New("a code was given out in the meantime")

func personKey(e *platforms.Event) []byte {
	return keyOf(memory.Person{Platform: e.Platform, Tenant: e.Tenant, SenderID: e.SenderID})
}

func keyOf(p memory.Person) []byte {
	return database.Hash("person", p.Platform, p.Tenant, p.SenderID)
}

// state returns how who wrote an event stands.
func (g *Gate) state(ctx context.Context, e *platforms.Event) (State, error) {
	now, err := g.o.DB.Clock(ctx, g.o.DB.Read())
	if err != nil {
		return stranger, err
	}
	return stateOf(ctx, g.o.DB, g.o.DB.Read(), personKey(e), now)
}

func stateOf(ctx context.Context, db *database.DB, from database.Reader, key []byte, now int64) (state State, err error) {
	err = db.QueryRow(ctx, from, []any{&state}, "SELECT state FROM pairings WHERE person_key = ? AND (state = ? OR expires_at > ?)",
		key, string(Approved), now)
	if errors.Is(err, sql.ErrNoRows) {
		return stranger, nil
	}
	return state, err
}

// stranger meets somebody who is not let in.
func (g *Gate) stranger(ctx context.Context, e *platforms.Event, is State) (Meeting, error) {
	switch {
	case e.ChatType != platforms.Private:
		return Meeting{Ignore: reasonUnpaired}, nil
	case is == Waiting:
		return Meeting{Ignore: reasonUnpaired + "; their code is waiting for approval"}, nil
	}
	n, err := g.open(ctx, g.o.DB.Read(), e.Platform)
	if err != nil {
		return Meeting{}, err
	}
	if n >= maxOpen {
		return Meeting{Ignore: reasonUnpaired + fmt.Sprintf("; %d codes are waiting for approval already, and no more are given out", maxOpen)}, nil
	}
	code := newCode()
	return Meeting{Code: code, PairTx: func(ctx context.Context, tx database.Tx) error { return g.pairTx(ctx, tx, e, code) }}, nil
}

// open returns how many codes of an app are open.
func (g *Gate) open(ctx context.Context, from database.Reader, platform string) (n int, err error) {
	now, err := g.o.DB.Clock(ctx, from)
	if err == nil {
		err = g.o.DB.QueryRow(ctx, from, []any{&n}, "SELECT COUNT(*) FROM pairings WHERE platform = ? AND state = ? AND expires_at > ?",
			platform, string(Waiting), now)
	}
	return n, err
}

// pairTx opens a code. It is errTaken where there is one already or no room: then
// the next attempt finds out which.
func (g *Gate) pairTx(ctx context.Context, tx database.Tx, e *platforms.Event, code string) error {
	db := g.o.DB
	// Who opens codes of one app does so one after the other.
	_, err := db.Exec(ctx, tx, database.Once(db.Engine(), "INSERT INTO pairing_apps (platform) VALUES (?)", "platform"), e.Platform)
	if err == nil {
		err = db.QueryRow(ctx, tx, []any{new(string)}, "SELECT platform FROM pairing_apps WHERE platform = ?"+db.ForUpdate(), e.Platform)
	}
	if err != nil {
		return err
	}
	now, err := db.Clock(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, tx, "DELETE FROM pairings WHERE platform = ? AND state = ? AND expires_at <= ?", e.Platform, string(Waiting), now); err != nil {
		return err
	}
	is, err := stateOf(ctx, db, tx, personKey(e), now)
	if err != nil {
		return err
	}
	n, err := g.open(ctx, tx, e.Platform)
	if err != nil {
		return err
	}
	if is != stranger || n >= maxOpen {
		return failure.New(failure.Retry, "pairing_taken", "", errTaken)
	}
	_, err = db.Insert(ctx, tx, "INSERT INTO pairings (person_key, code, platform, tenant, user_id, name, state, created_at, expires_at) "+
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", personKey(e), code, e.Platform, e.Tenant, e.SenderID, e.SenderName, string(Waiting), now, now+codeLife.Microseconds())
	return err
}

func newCode() string {
	var b [codeLength]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b[:])
}

// List returns who is paired and who waits, oldest first.
func (b Book) List(ctx context.Context) ([]Pair, error) {
	now, err := b.DB.Clock(ctx, b.DB.Read())
	if err != nil {
		return nil, err
	}
	type row struct {
		Pair

		expires int64
	}
	rows, err := database.All(ctx, b.DB, b.DB.Read(), func(r *row) []any {
		return []any{&r.ID, &r.Code, &r.Platform, &r.Tenant, &r.UserID, &r.Name, &r.State, &r.expires}
	}, "SELECT id, code, platform, tenant, user_id, name, state, expires_at FROM pairings WHERE state = ? OR expires_at > ? ORDER BY id",
		string(Approved), now)
	pairs := make([]Pair, len(rows))
	for i := range rows {
		pairs[i] = rows[i].Pair
		pairs[i].ExpiresAt = database.Time(rows[i].expires)
	}
	return pairs, err
}

// Approve lets in whose open code it is. A code that is wrong, used or too old is
// failure.NotFound.
func (b Book) Approve(ctx context.Context, code string) (p Pair, err error) {
	code = strings.ToUpper(strings.TrimSpace(code))
	err = b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		p = Pair{Code: code, State: Approved}
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		n, err := b.DB.Exec(ctx, tx, "UPDATE pairings SET state = ?, expires_at = 0 WHERE code = ? AND state = ? AND expires_at > ?",
			string(Approved), code, string(Waiting), now)
		if err != nil || n == 0 {
			return err
		}
		return b.DB.QueryRow(ctx, tx, []any{&p.ID, &p.Platform, &p.Tenant, &p.UserID, &p.Name},
			"SELECT id, platform, tenant, user_id, name FROM pairings WHERE code = ?", code)
	})
	if err == nil && p.ID == 0 {
		err = failure.New(failure.NotFound, "pairing_not_found", "no open request has this code: it is wrong, already used, or more than an hour old", nil)
	}
	return p, err
}

// Revoke shuts somebody out again, or takes back a code.
func (b Book) Revoke(ctx context.Context, id int64) error {
	var n int64
	err := b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
		n, err = b.DB.Exec(ctx, tx, "DELETE FROM pairings WHERE id = ?", id)
		return err
	})
	if err == nil && n == 0 {
		err = failure.New(failure.NotFound, "pairing_not_found", "there is no pairing with that ID", nil)
	}
	return err
}

// ForgetTx removes whatever is known of a person: a code, open or too old, and that
// they were let in. They are a stranger again.
func (b Book) ForgetTx(ctx context.Context, tx database.Tx, p memory.Person) error {
	_, err := b.DB.Exec(ctx, tx, "DELETE FROM pairings WHERE person_key = ?", keyOf(p))
	return err
}

// Parts are what a backup holds of it.
func (b Book) Parts() []database.Part {
	return []database.Part{&database.Table{
		DB: b.DB, Name: "pairings", File: "pairings", Key: []string{"person_key"},
		Columns: []database.Column{
			{Name: "person_key", Kind: database.Digest},
			{Name: "code"},
			{Name: "platform"},
			{Name: "tenant"},
			{Name: "user_id"},
			{Name: "name"},
			{Name: "state"},
			{Name: "created_at", Kind: database.Number},
			{Name: "expires_at", Kind: database.Number},
		},
	}}
}
