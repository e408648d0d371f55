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
	old, known, err := s.value(ctx, tx, c.Place, c.Key)
	if known || err != nil {
		return Result{Old: old}, err
	}
	facts, err := s.countFacts(ctx, tx, c.Place)
	if err != nil {
		return Result{}, err
	}
	if facts >= MaxFacts {
		return Result{}, TooManyFacts()
	}
	text := database.Once(s.db.Engine(), `INSERT INTO memory_facts (place, fact, remembered_at, fact_key, value, folded, author)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, "place, fact")
	n, err := s.db.Exec(ctx, tx, text, c.Place.Hash(), factID(c.Key), database.Micros(e.At), c.Key, c.Value, Folded(c.Key, c.Value), c.Author.Hash())
	if err != nil || n > 0 {
		return Result{Done: err == nil}, explain("remember", err)
	}
	// Somebody else was quicker.
	old, _, err = s.value(ctx, tx, c.Place, c.Key)
	return Result{Old: old}, err
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
	err := s.db.QueryRow(ctx, in, []any{&f.Value, &micros, &author}, "SELECT value, remembered_at, author FROM memory_facts WHERE place = ? AND fact = ?",
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
