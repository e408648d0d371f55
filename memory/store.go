package memory

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// Limits of what is kept about a person; what is over them is refused, never cut.
const (
	MaxKeyBytes   = 255
	MaxValueBytes = 64 << 10
	MaxKeys       = 1000 // preferences of one person

	MaxFactKeyBytes   = 255
	MaxFactValueBytes = 4096
	MaxFacts          = 10_000 // of one place
	MaxReasonBytes    = 1024
	MaxReasons        = 20  // of one person in one place; older ones are dropped
	MaxLeaders        = 100 // of one answer
)

// How long after its end the points of a day, week or month are kept, and how
// long an effect is known, so that it is not made twice.
const (
	KeepPeriods = 35 * 24 * time.Hour
	KeepEffects = 7 * 24 * time.Hour
)

// The widths of the columns that name a person.
const (
	maxPlatformBytes = 50
	maxIDBytes       = 255
)

// Person is one sender on one platform. Two tenants never share a person.
type Person struct {
	Tenant, Platform, SenderID string
}

// Hash returns the key under which everything about the person is kept.
func (p Person) Hash() []byte {
	return database.Hash("person", p.Tenant, p.Platform, p.SenderID)
}

func (p Person) check() error {
	if p.Platform == "" || p.SenderID == "" || len(p.Platform) > maxPlatformBytes ||
		len(p.SenderID) > maxIDBytes || len(p.Tenant) > maxIDBytes ||
		!storable(p.Tenant) || !storable(p.Platform) || !storable(p.SenderID) {
		return failure.New(failure.Invalid, "invalid_person", "this sender's name or id cannot be stored", nil)
	}
	return nil
}

// storable reports whether every engine keeps s as it is.
func storable(s string) bool {
	return utf8.ValidString(s) && !strings.Contains(s, "\x00")
}

// Store is the [Backend] in SQL. It is safe for concurrent use.
type Store struct {
	db   *database.DB
	zone *time.Location

	findPerson, holdPerson, renamePerson    *database.Stmt
	countOthers, setPreference              *database.Stmt
	addEffect                               *database.Stmt
	addPoints, findScore, dropScore, addUse *database.Stmt
}

var _ Backend = (*Store)(nil)

// New returns a store on db, whose schema must be up to date. Its days start
// at midnight UTC; see [Store.In].
func New(ctx context.Context, db *database.DB) (*Store, error) {
	s := &Store{db: db, zone: time.UTC}
	for _, one := range []struct {
		into **database.Stmt
		text string
	}{
		{&s.findPerson, "SELECT name FROM people WHERE person = ?"},
		{&s.holdPerson, database.Upsert(db.Engine(), "INSERT INTO people (person, tenant, platform, sender_id, name, first_seen) VALUES (?, ?, ?, ?, ?, ?)",
			"person", "name = people.name")},
		{&s.renamePerson, "UPDATE people SET name = ? WHERE person = ?"},
		{&s.countOthers, "SELECT COUNT(*) FROM user_preferences WHERE person = ? AND id <> ?"},
		{&s.setPreference, database.Upsert(db.Engine(), `INSERT INTO user_preferences
			(id, person, tenant, platform, sender_id, pref_key, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			"id", "value = excluded.value, updated_at = excluded.updated_at")},
		{&s.addEffect, database.Once(db.Engine(), "INSERT INTO memory_effects (effect, made_at, results) VALUES (?, ?, '')", "effect")},
		{&s.addPoints, database.Upsert(db.Engine(), `INSERT `+orFail(db.Engine())+`INTO memory_scores (place, person, board, points, name, ends)
			VALUES (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?)`,
			scoreKey(db.Engine()), "points = memory_scores.points + excluded.points, name = excluded.name")},
		{&s.findScore, "SELECT points FROM memory_scores WHERE place = ? AND person = ? AND board = ?"},
		{&s.dropScore, "DELETE FROM memory_scores WHERE place = ? AND person = ? AND board = ?"},
		{&s.addUse, database.Upsert(db.Engine(), "INSERT INTO memory_commands (tenant, name, uses) VALUES (?, ?, 1)",
			"tenant, name", "uses = memory_commands.uses + 1")},
	} {
		stmt, err := db.Prepare(ctx, one.text)
		if err != nil {
			return nil, err
		}
		*one.into = stmt
	}
	return s, nil
}

// scoreKey is the primary key of memory_scores.
func scoreKey(engine database.Engine) string {
	if engine == database.SQLite {
		return "place, person, board"
	}
	return "board, person"
}

// orFail spares SQLite the journal that it keeps for a statement of several
// rows: an error rolls back the whole transaction anyway.
func orFail(engine database.Engine) string {
	if engine == database.SQLite {
		return "OR FAIL "
	}
	return ""
}
