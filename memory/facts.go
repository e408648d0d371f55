package memory

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
)

// remember stores a fact unless there is one with its key.
func (s *Store) remember(ctx context.Context, tx database.Tx, e Effect, c Remember) (Result, error) {
	there, known, err := s.fact(ctx, tx, c.Place, c.Key)
	if err != nil {
		return Result{}, err
	}
	if known {
		return s.remembered(ctx, tx, c, there)
	}
	facts, err := s.countFacts(ctx, tx, c.Place)
	if err != nil {
		return Result{}, err
	}
	if facts >= MaxFacts {
		return Result{}, TooManyFacts()
	}
	text := database.Once(s.db.Engine(), `INSERT INTO memory_facts (place, fact, remembered_at, fact_key, value, folded, author, is_foreign)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, "place, fact")
	foreign := 0
	if c.Foreign {
		foreign = 1
	}
	n, err := s.db.Exec(ctx, tx, text, c.Place.Hash(), factID(c.Key), database.Micros(e.At), c.Key, c.Value, Folded(c.Key, c.Value), c.Author.Hash(), foreign)
	if err != nil || n > 0 {
		return Result{Done: err == nil}, explain("remember", err)
	}
	// Somebody else was quicker.
	there, _, err = s.fact(ctx, tx, c.Place, c.Key)
	return Result{Old: there.Value, Foreign: there.Foreign}, err
}

// remembered answers for a fact that is there.
func (s *Store) remembered(ctx context.Context, tx database.Tx, c Remember, there Fact) (Result, error) {
	left := Result{Old: there.Value, Foreign: there.Foreign}
	if !c.MakesOwn(there) {
		return left, nil
	}
	n, err := s.db.Exec(ctx, tx, "UPDATE memory_facts SET is_foreign = 0 WHERE place = ? AND fact = ? AND remembered_at = ? AND is_foreign = 1",
		c.Place.Hash(), factID(c.Key), database.Micros(there.At))
	if err != nil || n == 0 { // somebody else was quicker
		return left, explain("make a fact its author's own", err)
	}
	return Result{Done: true}, nil
}

// MakesOwn reports whether it makes a fact that is there its author's own: they say
// themselves what a model has remembered for them.
func (c Remember) MakesOwn(there Fact) bool {
	isTheirs := c.Place == Private(c.Author) || there.Author == hex.EncodeToString(c.Author.Hash())
	return there.Foreign && !c.Foreign && isTheirs && there.Value == c.Value
}

// countFacts returns how many facts the place has.
func (s *Store) countFacts(ctx context.Context, in database.Reader, at Place) (n int64, err error) {
	err = s.db.QueryRow(ctx, in, []any{&n}, "SELECT COUNT(*) FROM memory_facts WHERE place = ?", at.Hash())
	return n, explain("count facts", err)
}

// TooManyFacts is what a full place answers.
func TooManyFacts() error {
	return invalid("too_many_facts", fmt.Sprintf("there are already %d facts", MaxFacts))
}

func (s *Store) forget(ctx context.Context, tx database.Tx, c Forget) (Result, error) {
	old, known, err := s.value(ctx, tx, c.Place, c.Key)
	if !known || err != nil {
		return Result{}, err
	}
	if theirs, err := s.fromAnother(ctx, tx, c); theirs || err != nil {
		return Result{Old: old}, err
	}
	n, err := s.db.Exec(ctx, tx, "DELETE FROM memory_facts WHERE place = ? AND fact = ?", c.Place.Hash(), factID(c.Key))
	return Result{Done: n > 0}, explain("forget", err)
}

// fromAnother reports whether a fact must stay because it came from somebody
// else than who may forget it.
func (s *Store) fromAnother(ctx context.Context, tx database.Tx, c Forget) (bool, error) {
	if c.Only == (Person{}) {
		return false, nil
	}
	var n int
	err := s.db.QueryRow(ctx, tx, []any{&n}, "SELECT COUNT(*) FROM memory_facts WHERE place = ? AND fact = ? AND author = ?",
		c.Place.Hash(), factID(c.Key), c.Only.Hash())
	return n == 0, explain("look up whose a fact is", err)
}

func factID(key string) []byte { return database.Hash("fact", key) }

// value returns a fact's value, and whether there is one.
func (s *Store) value(ctx context.Context, in database.Reader, at Place, key string) (value string, ok bool, err error) {
	f, ok, err := s.fact(ctx, in, at, key)
	return f.Value, ok, err
}

// Fact implements [Backend].
func (s *Store) Fact(ctx context.Context, at Place, key string) (Fact, bool, error) {
	return s.fact(ctx, s.db.Read(), at, key)
}

func (s *Store) fact(ctx context.Context, in database.Reader, at Place, key string) (Fact, bool, error) {
	f := Fact{Key: key}
	var micros int64
	var author []byte
	err := s.db.QueryRow(ctx, in, []any{&f.Value, &micros, &author, &f.Foreign}, "SELECT value, remembered_at, author, is_foreign FROM memory_facts WHERE place = ? AND fact = ?",
		at.Hash(), factID(key))
	if errors.Is(err, sql.ErrNoRows) {
		return Fact{}, false, nil
	}
	if err != nil {
		return Fact{}, false, explain("load a fact", err)
	}
	f.At, f.Author = database.Time(micros), hex.EncodeToString(author)
	return f, true, nil
}
