package memory

import (
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

// How long after its end the points of a day are kept apart: a month's and a few
// days more. And how long an effect is known, so that it is not made twice.
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
}

var _ Backend = (*Store)(nil)

// New returns a store on db, whose schema must be up to date. Its days start
// at midnight UTC; see [Store.In].
func New(db *database.DB) *Store { return &Store{db: db, zone: time.UTC} }
