package memory

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// Limits of what is kept about a person; what is over them is refused, never cut.
const (
	MaxKeyBytes   = 255
	MaxValueBytes = 64 << 10
	MaxKeys       = 1000 // preferences of one person
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

// Store keeps people and preferences in SQL. It is safe for concurrent use.
type Store struct {
	db *database.DB

	findPerson, holdPerson, renamePerson *database.Stmt
	countOthers, setPreference           *database.Stmt
}

// New returns a store on db, whose schema must be up to date.
func New(ctx context.Context, db *database.DB) (*Store, error) {
	s := &Store{db: db}
	upsertPerson, upsertPreference := upserts(db.Engine())
	for _, one := range []struct {
		into **database.Stmt
		text string
	}{
		{&s.findPerson, "SELECT name FROM people WHERE person = ?"},
		{&s.holdPerson, upsertPerson},
		{&s.renamePerson, "UPDATE people SET name = ? WHERE person = ?"},
		{&s.countOthers, "SELECT COUNT(*) FROM user_preferences WHERE person = ? AND id <> ?"},
		{&s.setPreference, upsertPreference},
	} {
		stmt, err := db.Prepare(ctx, one.text)
		if err != nil {
			return nil, err
		}
		*one.into = stmt
	}
	return s, nil
}

// upserts returns the two statements that insert a row or lock the one that is
// there: of a person nothing changes, of a preference the value does.
func upserts(engine database.Engine) (person, preference string) {
	person = `INSERT INTO people (person, tenant, platform, sender_id, name, first_seen) VALUES (?, ?, ?, ?, ?, ?)`
	preference = `INSERT INTO user_preferences (id, person, tenant, platform, sender_id, pref_key, value, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	if engine == database.MySQL {
		return person + ` ON DUPLICATE KEY UPDATE name = name`,
			preference + ` ON DUPLICATE KEY UPDATE value = VALUES(value), updated_at = VALUES(updated_at)`
	}
	return person + ` ON CONFLICT (person) DO UPDATE SET name = people.name`,
		preference + ` ON CONFLICT (id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`
}
