package budget

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

// Least is how many tokens an answer may have at least: where less is left, the
// call is refused.
const Least = 256

// Limits bound how many tokens may be used in a period: prompts and answers as the
// models report them. 0 = no bound.
type Limits struct {
	Person   int64 // of one person, in all chats together
	Chat     int64 // of one chat, by everybody in it
	Monthly  bool  // a calendar month instead of a day
	Location *time.Location
}

// Period returns the period that now lies in.
func (l Limits) Period(now time.Time) (start, end time.Time) {
	start = l.Day(now)
	if !l.Monthly {
		return start, start.AddDate(0, 0, 1)
	}
	start = start.AddDate(0, 0, 1-start.Day())
	return start, start.AddDate(0, 1, 0)
}

// Day returns when the day began that now lies in.
func (l Limits) Day(now time.Time) time.Time {
	loc := l.Location
	if loc == nil {
		loc = time.UTC
	}
	y, m, d := now.In(loc).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, loc)
}

// Scope says whose budget it is.
type Scope string

// The scopes.
const (
	User Scope = "user"
	Chat Scope = "chat"
)

// Payer is who pays for a call.
type Payer struct {
	Person memory.Person
	ChatID string
}

// Ledger keeps the budgets. It is safe for concurrent use.
type Ledger struct {
	db     *database.DB
	limits Limits
	expiry time.Duration
	open   string // a statement
}

// New returns the ledger on a migrated database. expiry is how long a call may
// take before its reservation counts as used, as long as nobody settles it.
func New(db *database.DB, l Limits, expiry time.Duration) *Ledger {
	return &Ledger{
		db: db, limits: l, expiry: expiry,
		open: database.Once(db.Engine(), `INSERT INTO budgets (who, start, ends, scope, name) VALUES (?, ?, ?, ?, ?)`, "who, start"),
	}
}

// Bounds reports whether anything is bounded.
func (l *Ledger) Bounds() bool { return l.limits.Person > 0 || l.limits.Chat > 0 }

// Limits returns the bounds.
func (l *Ledger) Limits() Limits { return l.limits }

// account is one budget that a call is paid from.
type account struct {
	who   []byte
	scope Scope
	name  string // as in the configuration's access lists
	limit int64
}

// accounts returns the budgets of a payer, in the one order in which they are locked.
func (l *Ledger) accounts(p Payer) []account {
	place := p.Person.Platform + "/" + p.Person.Tenant
	var list []account
	if l.limits.Person > 0 {
		list = append(list, account{usage.PersonKeys(p.Person)[0], User, place + "/user:" + p.Person.SenderID, l.limits.Person})
	}
	if l.limits.Chat > 0 {
		list = append(list, account{usage.ChatKey(p.Person.Realm(), p.ChatID), Chat, place + "/chat:" + p.ChatID, l.limits.Chat})
	}
	slices.SortFunc(list, func(a, b account) int { return bytes.Compare(a.who, b.who) })
	return list
}

// SpentError says that a budget has no room for a call.
type SpentError struct {
	Scope  Scope
	Limit  int64
	Resets time.Time
}

func (e *SpentError) Error() string {
	return fmt.Sprintf("the %s's budget of %d tokens is used up", e.Scope, e.Limit)
}

// tries bounds how often a call asks for what is left, while others take of it.
const tries = 10

// Reserve reserves the tokens of a prompt and of the longest answer for a call, as
// many as are left. It returns the name of the reservation ("" = nothing is bounded)
// and how many tokens the answer may have. Where fewer than [Least] are left it is a
// [SpentError].
func (l *Ledger) Reserve(ctx context.Context, p Payer, prompt, answer int64) (id string, allowed int64, err error) {
	accounts := l.accounts(p)
	if len(accounts) == 0 {
		return "", answer, nil
	}
	start, end := l.limits.Period(l.db.Now())
	key := database.Hash("hold", rand.Text())
	var spent *SpentError
	err = l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		spent, allowed = nil, answer
		var short *account
		for range tries {
			var left int64
			var err error
			short, left, err = l.takeAll(ctx, tx, accounts, start, end, prompt+allowed)
			if err != nil {
				return err
			}
			if short == nil {
				return l.hold(ctx, tx, key, accounts, start, prompt+allowed)
			}
			if left-prompt < min(answer, Least) {
				break
			}
			allowed = min(allowed, left-prompt) // as long as nobody else takes it
		}
		spent = &SpentError{short.scope, short.limit, end}
		return nil
	})
	switch {
	case err != nil:
		return "", 0, fmt.Errorf("reserve tokens: %w", err)
	case spent != nil:
		return "", 0, failure.New(failure.Permanent, "budget", "", spent)
	}
	return string(key), allowed, nil
}

// takeAll reserves tokens in all accounts, or in none, and returns then which has
// too few and how many it has.
func (l *Ledger) takeAll(ctx context.Context, tx database.Tx, accounts []account, start, end time.Time, tokens int64) (short *account, left int64, err error) {
	for i := range accounts {
		a := &accounts[i]
		ok, err := l.take(ctx, tx, a, start, end, tokens)
		if err != nil {
			return nil, 0, err
		}
		if ok {
			continue
		}
		for k := range accounts[:i] {
			if _, err := l.db.Exec(ctx, tx, `UPDATE budgets SET reserved = reserved - ? WHERE who = ? AND start = ?`, tokens, accounts[k].who, database.Micros(start)); err != nil {
				return nil, 0, err
			}
		}
		var taken int64
		err = l.db.QueryRow(ctx, tx, []any{&taken}, `SELECT used + reserved FROM budgets WHERE who = ? AND start = ?`, a.who, database.Micros(start))
		return a, a.limit - taken, err
	}
	return nil, 0, nil
}

// take reserves tokens in an account, if it has so many.
func (l *Ledger) take(ctx context.Context, tx database.Tx, a *account, start, end time.Time, tokens int64) (bool, error) {
	reserve := func() (bool, error) {
		n, err := l.db.Exec(ctx, tx, `UPDATE budgets SET reserved = reserved + ? WHERE who = ? AND start = ? AND used + reserved + ? <= ?`,
			tokens, a.who, database.Micros(start), tokens, a.limit)
		return n > 0, err
	}
	if ok, err := reserve(); ok || err != nil {
		return ok, err
	}
	// Nothing is left, or it is the first call of the period.
	if _, err := l.db.Exec(ctx, tx, l.open, a.who, database.Micros(start), database.Micros(end), string(a.scope), a.name); err != nil {
		return false, err
	}
	return reserve()
}

func (l *Ledger) hold(ctx context.Context, tx database.Tx, key []byte, accounts []account, start time.Time, tokens int64) error {
	now, err := l.db.Clock(ctx, tx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		_, err := l.db.Exec(ctx, tx, `INSERT INTO budget_holds (id, who, start, tokens, expires_at) VALUES (?, ?, ?, ?, ?)`,
			key, a.who, database.Micros(start), tokens, now+l.expiry.Microseconds())
		if err != nil {
			return err
		}
	}
	return nil
}

// held is a reservation in one account.
type held struct {
	who           []byte
	start, tokens int64
	settled       bool // it has expired and counts as used
}

func (h *held) dest() []any { return []any{&h.who, &h.start, &h.tokens, &h.settled} }

// SettleTx counts what a call took instead of what was reserved for it; 0 tokens
// release it. What has expired meanwhile is put right. Once settled, a reservation
// is gone: settling it again changes nothing.
func (l *Ledger) SettleTx(ctx context.Context, tx database.Tx, id string, tokens int64) error {
	if id == "" {
		return nil
	}
	key := []byte(id)
	// Whoever expires it at this moment is waited for: what follows sees what it did.
	if _, err := l.db.Exec(ctx, tx, `UPDATE budget_holds SET expires_at = expires_at + 1 WHERE id = ?`, key); err != nil {
		return err
	}
	holds, err := database.All(ctx, l.db, tx, (*held).dest, `SELECT who, start, tokens, settled FROM budget_holds WHERE id = ? ORDER BY who`, key)
	if err != nil {
		return err
	}
	for _, h := range holds {
		used, reserved := tokens, h.tokens
		if h.settled {
			used, reserved = tokens-h.tokens, 0
		}
		if err := l.move(ctx, tx, &h, used, reserved); err != nil {
			return err
		}
	}
	_, err = l.db.Exec(ctx, tx, `DELETE FROM budget_holds WHERE id = ?`, key)
	return err
}

// move takes off what is reserved and adds what is used.
func (l *Ledger) move(ctx context.Context, tx database.Tx, h *held, used, reserved int64) error {
	_, err := l.db.Exec(ctx, tx, `UPDATE budgets SET used = used + ?, reserved = reserved - ? WHERE who = ? AND start = ?`, used, reserved, h.who, h.start)
	return err
}

// expireAtOnce bounds how many reservations expire in one commit.
const expireAtOnce = 100

// Expire counts reservations as used that nobody has settled in time. Until then
// they leave no more room than they do afterwards.
func (l *Ledger) Expire(ctx context.Context) error {
	for {
		now, err := l.db.Clock(ctx, l.db.Read())
		if err != nil {
			return err
		}
		ids, err := database.Values[[]byte](ctx, l.db, l.db.Read(),
			`SELECT DISTINCT id FROM budget_holds WHERE settled = 0 AND expires_at < ? LIMIT ?`, now, expireAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return l.expireTx(ctx, tx, id) }); err != nil {
				return err
			}
		}
	}
}

func (l *Ledger) expireTx(ctx context.Context, tx database.Tx, id []byte) error {
	n, err := l.db.Exec(ctx, tx, `UPDATE budget_holds SET settled = 1 WHERE id = ? AND settled = 0`, id)
	if err != nil || n == 0 { // somebody else did
		return err
	}
	holds, err := database.All(ctx, l.db, tx, (*held).dest, `SELECT who, start, tokens, settled FROM budget_holds WHERE id = ? ORDER BY who`, id)
	if err != nil {
		return err
	}
	for _, h := range holds {
		if err := l.move(ctx, tx, &h, h.tokens, h.tokens); err != nil {
			return err
		}
	}
	return nil
}

// State is how one budget stands in its current period.
type State struct {
	Scope    Scope
	ID       string // platform/tenant/user:ID or platform/tenant/chat:ID; "" once it was erased
	Start    time.Time
	Resets   time.Time
	Limit    int64
	Used     int64
	Reserved int64
}

// Left returns how many tokens can still be reserved.
func (s *State) Left() int64 { return max(0, s.Limit-s.Used-s.Reserved) }

// Of returns the states of a payer's budgets, the person's first.
func (l *Ledger) Of(ctx context.Context, p Payer) ([]State, error) {
	start, end := l.limits.Period(l.db.Now())
	var list []State
	for _, a := range l.accounts(p) {
		s := State{Scope: a.scope, ID: a.name, Start: start, Resets: end, Limit: a.limit}
		err := l.db.QueryRow(ctx, l.db.Read(), []any{&s.Used, &s.Reserved}, `SELECT used, reserved FROM budgets WHERE who = ? AND start = ?`, a.who, database.Micros(start))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b State) int { return -bytes.Compare([]byte(a.Scope), []byte(b.Scope)) })
	return list, nil
}

// listed bounds how many budgets are listed.
const listed = 1000

// List returns the budgets that were used in the current period, those first of
// which most is used.
func (l *Ledger) List(ctx context.Context) ([]State, error) {
	if err := l.Expire(ctx); err != nil {
		return nil, err
	}
	start, end := l.limits.Period(l.db.Now())
	all, err := database.All(ctx, l.db, l.db.Read(), func(s *State) []any { return []any{&s.Scope, &s.ID, &s.Used, &s.Reserved} },
		`SELECT scope, name, used, reserved FROM budgets WHERE start = ? ORDER BY used DESC, who LIMIT ?`,
		database.Micros(start), listed)
	kept := []State{}
	for _, s := range all {
		s.Start, s.Resets = start.UTC(), end.UTC()
		if s.Limit = l.limit(s.Scope); s.Limit > 0 {
			kept = append(kept, s)
		}
	}
	return kept, err
}

// Forget takes a person's name off what was counted. Who they are is not to be found in it any more.
func (l *Ledger) Forget(ctx context.Context, p memory.Person) error {
	return l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := l.db.Exec(ctx, tx, `UPDATE budgets SET name = '' WHERE who = ?`, usage.PersonKeys(p)[0])
		return err
	})
}

// keep is how long a period's counts are kept after its end, for calls that were
// begun before it.
const keep = 24 * time.Hour

// Trim deletes what belongs to periods that are over.
func (l *Ledger) Trim(ctx context.Context) error {
	if err := l.Expire(ctx); err != nil {
		return err
	}
	over := database.Micros(l.db.Now().Add(-keep))
	return l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if _, err := l.db.Exec(ctx, tx, `DELETE FROM budget_holds WHERE settled = 1 AND expires_at < ?`, over); err != nil {
			return err
		}
		_, err := l.db.Exec(ctx, tx, `DELETE FROM budgets WHERE ends < ?`, over)
		return err
	})
}

// Parts are what a backup holds of it: what is used, not what is reserved.
func (l *Ledger) Parts() []database.Part {
	return []database.Part{&database.Table{
		DB: l.db, Name: "budgets", File: "periods", Key: []string{"who", "start"},
		Columns: []database.Column{
			{Name: "who", Kind: database.Digest},
			{Name: "start", Kind: database.Number},
			{Name: "ends", Kind: database.Number},
			{Name: "scope"},
			{Name: "name"},
			{Name: "used", Kind: database.Number},
			{Name: "warned", Kind: database.Number, Newer: int64(0)},
		},
	}}
}
