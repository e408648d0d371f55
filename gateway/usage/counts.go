package usage

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation/tokens"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

const (
	// keepDays is for how long counts are kept by the day; what is older is
	// kept as one sum.
	keepDays = 62 * 24 * time.Hour
	// foldAtOnce bounds how many people are summed up in one commit.
	foldAtOnce = 100
)

// PersonKeys returns the keys under which the tokens of a person are counted:
// that of today first, then those of earlier versions, which counted by user key.
func PersonKeys(p memory.Person) [][]byte {
	keys := [][]byte{database.Hash("budget", "user", p.Tenant, p.Platform, p.SenderID)}
	for _, t := range []platforms.ChatType{platforms.Private, platforms.Group} {
		keys = append(keys, tokens.Hash(platforms.UserKey(p.Platform, t, p.SenderID)))
	}
	return keys
}

// ChatKey returns the key under which the tokens of a chat are counted.
func ChatKey(r memory.Realm, chatID string) []byte {
	return database.Hash("budget", "chat", r.Tenant, r.Platform, chatID)
}

// SpendTx counts a call for a person and for the chat, on the day that begins at
// day by the clocks that budgets go by.
func (l *Ledger) SpendTx(ctx context.Context, tx database.Tx, day time.Time, call *ai.Response, p memory.Person, chatID string) error {
	if call.Total() == 0 {
		return nil
	}
	var cost any
	if call.Cost != nil {
		cost = *call.Cost
	}
	who := [][]byte{PersonKeys(p)[0], ChatKey(p.Realm(), chatID)}
	slices.SortFunc(who, bytes.Compare) // the one order in which rows are locked
	rows := make([][]any, len(who))
	for i, key := range who {
		rows[i] = []any{key, database.Micros(day), call.Total(), call.CachedTokens, cost}
	}
	return l.db.InsertAll(ctx, tx, l.count, rows)
}

// Person returns what a person has used since a time, in all chats.
func (l *Ledger) Person(ctx context.Context, p memory.Person, since time.Time) (n int64, err error) {
	err = l.db.QueryRow(ctx, l.db.Read(), []any{&n}, "SELECT COALESCE(SUM(tokens), 0) FROM budget_counts WHERE who IN (?) AND at >= ?",
		PersonKeys(p), max(0, database.Micros(since)))
	return n, err
}

// Bill is what somebody's calls took.
type Bill struct {
	Tokens int64
	// Cached is how many of the tokens came from providers' caches; nil where it was
	// not counted for each call.
	Cached *int64
	// Cost is in the currency of the prices; nil where a call had no known price.
	Cost *float64
}

// BillOf returns what a person's calls took since a time, in all chats.
func (l *Ledger) BillOf(ctx context.Context, p memory.Person, since time.Time) (b Bill, err error) {
	var cached, cost sql.NullInt64
	err = l.db.QueryRow(ctx, l.db.Read(), []any{&b.Tokens, &cached, &cost}, "SELECT COALESCE(SUM(tokens), 0), "+whole("cached")+", "+whole("cost")+
		" FROM budget_counts WHERE who IN (?) AND at >= ?", PersonKeys(p), max(0, database.Micros(since)))
	if cached.Valid {
		b.Cached = &cached.Int64
	}
	if cost.Valid {
		b.Cost = new(float64(cost.Int64) / 1e9)
	}
	return b, err
}

// whole is the sum of a column, where each row has a number in it.
func whole(column string) string {
	return "CASE WHEN COUNT(" + column + ") = COUNT(*) THEN SUM(" + column + ") END"
}

// EraseCounts removes what is counted under the keys before a time.
func (l *Ledger) EraseCounts(ctx context.Context, who [][]byte, before time.Time) error {
	if len(who) == 0 {
		return nil
	}
	return l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := l.db.Exec(ctx, tx, "DELETE FROM budget_counts WHERE who IN (?) AND at < ?", who, database.Micros(before))
		return err
	})
}

// Fold sums up what is older than is kept by the day.
func (l *Ledger) Fold(ctx context.Context, now time.Time) error {
	before := database.Micros(now.Add(-keepDays))
	for after := []byte{}; ; {
		who, err := database.Values[[]byte](ctx, l.db, l.db.Read(), "SELECT DISTINCT who FROM budget_counts WHERE who > ? AND at > 0 AND at < ? ORDER BY who LIMIT ?",
			after, before, foldAtOnce)
		if err != nil || len(who) == 0 {
			return err
		}
		after = who[len(who)-1]
		err = l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return l.foldTx(ctx, tx, who, before) })
		if err != nil {
			return err
		}
	}
}

func (l *Ledger) foldTx(ctx context.Context, tx database.Tx, who [][]byte, before int64) error {
	type sum struct {
		who          []byte
		tokens       int64
		cached, cost sql.NullInt64
	}
	const old = "WHERE who IN (?) AND at > 0 AND at < ?"
	sums, err := database.All(ctx, l.db, tx, func(s *sum) []any { return []any{&s.who, &s.tokens, &s.cached, &s.cost} },
		"SELECT who, SUM(tokens), "+whole("cached")+", "+whole("cost")+" FROM budget_counts "+old+" GROUP BY who ORDER BY who", who, before)
	if err != nil {
		return err
	}
	for _, s := range sums {
		if _, err := l.db.Exec(ctx, tx, l.count, s.who, 0, s.tokens, s.cached, s.cost); err != nil {
			return err
		}
	}
	_, err = l.db.Exec(ctx, tx, "DELETE FROM budget_counts "+old, who, before)
	return err
}
