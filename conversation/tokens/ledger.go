package tokens

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Ledger is the table, in one database.
type Ledger struct {
	db    *database.DB
	count string
}

// New returns the ledger of a database.
func New(db *database.DB) *Ledger { return &Ledger{db: db, count: countOf(db.Engine())} }

// Entry is what one user used at one moment.
type Entry struct {
	User   []byte // see [Hash]
	At     int64  // microseconds since 1970
	Tokens int64  // below 0: taken back
}

// Hash returns the key under which the tokens of a user key are counted. It does
// not tell whose they are.
func Hash(userKey string) []byte { return database.Hash("tokens", userKey) }

// Used returns what userKey has used since a time. Within the last 62 days since
// counts to the microsecond, before that by the day (UTC).
func (l *Ledger) Used(ctx context.Context, userKey string, since time.Time) (int64, error) {
	var tokens int64
	err := l.db.QueryRow(ctx, l.db.Read(), []any{&tokens}, `SELECT COALESCE(SUM(tokens), 0) FROM token_ledger WHERE user_hash = ? AND at >= ?`,
		Hash(userKey), since.UnixMicro())
	return tokens, err
}

// AddTx adds entries, which it puts into the order in which their rows are locked.
func (l *Ledger) AddTx(ctx context.Context, tx database.Tx, list []Entry) error {
	slices.SortFunc(list, compare)
	var rows [][]any
	for i := 0; i < len(list); {
		e := list[i]
		for i++; i < len(list) && compare(list[i], e) == 0; i++ {
			e.Tokens += list[i].Tokens
		}
		rows = append(rows, []any{e.User, e.At, e.Tokens})
	}
	return l.db.InsertAll(ctx, tx, l.count, rows)
}

func compare(a, b Entry) int {
	return cmp.Or(bytes.Compare(a.User, b.User), cmp.Compare(a.At, b.At))
}
