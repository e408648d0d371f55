package memory

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Backend keeps people, preferences, facts, scores and use counters. [Store]
// keeps them in SQL, memory/dynamo in Amazon DynamoDB; the suite in
// memory/memorytest holds for both. A Backend is safe for concurrent use.
//
// Sizes over a limit and ids that cannot be stored are refused, never cut.
type Backend interface {
	// Stage makes the changes, in order, once: called again with the same
	// effect it changes nothing, and the results are the same, except that
	// Total is the current one. It is called while no transaction is open; the
	// changes are made when what it returns has been called in the commit that
	// they belong to, or by Stage itself where the memory is another server.
	//
	// An effect's id names one call: who has two sets of changes to make for
	// one event gives them two ids. Two AddScore of the same place, board and
	// person in one call count as their sum.
	//
	// A change that is refused leaves the others as they are and says so in
	// its result. The error is for what nobody can answer: what was changed
	// before it is rolled back with the commit, or completed when Stage is
	// called again.
	Stage(ctx context.Context, e Effect, changes ...Change) (Staged, error)

	// Preference returns the value of one preference, and whether there is one.
	Preference(ctx context.Context, p Person, key string) (value string, ok bool, err error)
	// Preferences returns every preference of the person; none is an empty map.
	Preferences(ctx context.Context, p Person) (map[string]string, error)

	// Fact returns the fact with exactly this key, and whether there is one.
	Fact(ctx context.Context, at Place, key string) (Fact, bool, error)
	// SearchFacts returns the facts of the place that match the text, best
	// first, at most limit of them, and how many match in all. [Matcher] says
	// what matches.
	SearchFacts(ctx context.Context, at Place, text string, limit int) (found []Fact, total int, err error)

	// Score returns the person's points of all time.
	Score(ctx context.Context, at Place, b Board, p Person) (int64, error)
	// Reasons returns why the person was last given kudos, newest first, at
	// most limit of them. No more than MaxReasons are kept.
	Reasons(ctx context.Context, at Place, p Person, limit int) ([]Reason, error)
	// Leaders returns those with most points in the period that now lies in,
	// most first, equal ones by name; at most limit of them, and at most MaxLeaders.
	Leaders(ctx context.Context, at Place, b Board, period Period, now time.Time, limit int) ([]Leader, error)

	// CommandUses returns how often each command was used in the realm, most used first.
	CommandUses(ctx context.Context, r Realm) ([]Use, error)

	// People returns how many people of the realm have ever written.
	People(ctx context.Context, r Realm) (int64, error)
	// Name returns the display name the person was last seen with, "" when it is not known.
	Name(ctx context.Context, p Person) (string, error)
	// NameAt is Name for those who read along in the place: "" of a person who
	// has not written there, since what people are called elsewhere is nobody's
	// business.
	NameAt(ctx context.Context, at Place, p Person) (string, error)

	// Footprint counts what ForgetPerson would erase.
	Footprint(ctx context.Context, p Person) (Footprint, error)

	// Trim puts the points of days that ended [KeepPeriods] ago together, and
	// deletes what is remembered about effects.
	Trim(ctx context.Context, now time.Time) error

	// Parts are what a backup holds of it.
	Parts() []database.Part
}

// Staged makes changes in the commit that it is given, inside
// database.DB.Write, and returns what became of them, at their places. It may
// run again, as a commit may.
type Staged func(ctx context.Context, tx database.Tx) ([]Result, error)

// Effect identifies what a set of changes belongs to.
type Effect struct {
	// ID is the same in every run of one turn and of no other, such as the
	// key of the event that is answered. It is kept as a hash.
	ID string
	// At is the time of the effect, by which periods are chosen: when the event
	// was received. It is the same in every run.
	At time.Time
}

// Change is one thing to be changed: SetPreference, DeletePreference, Seen,
// Remember, Forget, AddScore, CountCommand or ForgetPerson.
type Change interface{ change() }

type (
	// SetPreference stores a preference in place of the one with the same key.
	SetPreference struct {
		Person     Person
		Key, Value string
	}
	// DeletePreference removes a preference. Done tells whether there was one.
	DeletePreference struct {
		Person Person
		Key    string
	}
	// Seen notes that the person has written, and under which display name;
	// an empty name leaves the known one.
	Seen struct {
		Person Person
		Name   string
	}
	// Remember stores a fact. Where there is one with the key already it is
	// left: Done is false and Old its value. But what is Foreign becomes its
	// author's own once they say the same themselves; see [Remember.MakesOwn].
	Remember struct {
		Place      Place
		Key, Value string
		Author     Person
		Foreign    bool // it may be others' words than the author's
	}
	// Forget removes a fact. Done tells whether there was one. A fact that is
	// not Only's, where that is set, is left: Old is its value.
	Forget struct {
		Place Place
		Key   string
		Only  Person
	}
	// AddScore adds points, which may be negative. On the board Kudos, Total is
	// the person's score of all time after it; of the others nobody asks for it.
	AddScore struct {
		Place  Place
		Board  Board
		Person Person
		Name   string // as the board shall show the person; "" = as last seen where they have written in the place, else as before, else the sender id
		N      int64
		Reason string // why, on the board Kudos; "" = not said
		By     Person // who gave the reason
	}
	// CountCommand counts one use of a command, by its name without prefix.
	CountCommand struct {
		Realm Realm
		Name  string
	}
	// ForgetPerson erases everything kept about a person: preferences, name,
	// facts and scores of the private chat, points received anywhere, reasons
	// given and received, and that facts of groups came from them. Points
	// they gave stay with who got them. Erased says what was there.
	ForgetPerson struct{ Person Person }
)

func (SetPreference) change()    {}
func (DeletePreference) change() {}
func (Seen) change()             {}
func (Remember) change()         {}
func (Forget) change()           {}
func (AddScore) change()         {}
func (CountCommand) change()     {}
func (ForgetPerson) change()     {}

// Result is what became of one change.
type Result struct {
	Done    bool      // it was made, by this call or an earlier one of the same effect
	Refused error     // why not, with kind failure.Invalid and a sentence that may be shown; nil: no limit was in the way
	Total   int64     // AddScore of Kudos
	Old     string    // Remember that found a fact, Forget that left one
	Foreign bool      // the fact that Remember found is
	Erased  Footprint // ForgetPerson; of the call that erased
}

// Fact is something remembered in a place.
type Fact struct {
	Key, Value string
	At         time.Time // UTC
	// Author is whose words they are, as [Person.Hash] in hexadecimal; "" = the person
	// is forgotten, or it is their own place.
	Author string
	// Foreign means that a model has remembered it for the author while it was told
	// what others say, whose words it may be.
	Foreign bool
}

// Board is what is counted.
type Board string

// The boards.
const (
	Kudos    Board = "kudos"
	Messages Board = "messages"
	Tokens   Board = "tokens"
)

// Period is how far back a board counts. Days start at midnight of the
// configured zone, weeks on Monday.
type Period string

// The periods.
const (
	Day   Period = "day"
	Week  Period = "week"
	Month Period = "month"
	All   Period = "all"
)

// Leader is one line of a leader board.
type Leader struct {
	Name   string
	Points int64
}

// Reason is why kudos were given.
type Reason struct {
	Text string
	At   time.Time // UTC
}

// Use is how often a command was used.
type Use struct {
	Name  string
	Count int64
}

// Footprint counts what is kept about a person.
type Footprint struct {
	Preferences int64
	Facts       int64 // of the private chat
	Authored    int64 // of groups; they stay, without the author
	Scores      int64 // boards that the person has points on, all periods of a board as one
	Reasons     int64 // given and received
	Name        bool  // the person is known by name or id
}
