package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// Stage implements [Backend]: the changes join the commit.
func (s *Store) Stage(_ context.Context, e Effect, changes ...Change) (Staged, error) {
	return func(ctx context.Context, tx database.Tx) ([]Result, error) {
		return s.applyTx(ctx, tx, e, changes)
	}, nil
}

func (s *Store) applyTx(ctx context.Context, tx database.Tx, e Effect, changes []Change) ([]Result, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	effect, err := e.Hash()
	if err != nil {
		return nil, err
	}
	// Inserting first makes a second run of the same effect wait for this one.
	n, err := s.db.Exec(ctx, tx, database.Once(s.db.Engine(), "INSERT INTO memory_effects (effect, made_at, results) VALUES (?, ?, '')", "effect"),
		effect, database.Micros(e.At))
	if err != nil {
		return nil, fmt.Errorf("note an effect: %w", err)
	}
	if n == 0 {
		return s.again(ctx, tx, effect, changes)
	}
	results := make([]Result, len(changes))
	var counts []AddScore // by one statement, which has each row once
	for i, c := range changes {
		if score, ok := c.(AddScore); ok && score.isCount() && !score.isAmong(counts) && Check(c) == nil {
			counts, results[i].Done = append(counts, score), true
			continue
		}
		if results[i], err = s.make(ctx, tx, e, c); err != nil {
			return nil, err
		}
	}
	if err := s.countPoints(ctx, tx, e, counts...); err != nil {
		return nil, err
	}
	return results, s.keepResults(ctx, tx, effect, results)
}

// Hash returns the key under which an effect is known.
func (e Effect) Hash() ([]byte, error) {
	if e.ID == "" || e.At.IsZero() {
		return nil, errors.New("a memory effect needs an id and a time")
	}
	return database.Hash("effect", e.ID), nil
}

// make makes one change.
func (s *Store) make(ctx context.Context, tx database.Tx, e Effect, c Change) (Result, error) {
	var r Result
	err := Check(c)
	if err == nil {
		r, err = s.makeChecked(ctx, tx, e, c)
	}
	if failure.KindOf(err) == failure.Invalid {
		return Result{Refused: err}, nil
	}
	return r, err
}

func (s *Store) makeChecked(ctx context.Context, tx database.Tx, e Effect, c Change) (Result, error) {
	done := Result{Done: true}
	switch c := c.(type) {
	case SetPreference:
		return done, s.SetPreferenceTx(ctx, tx, c.Person, c.Key, c.Value)
	case DeletePreference:
		return s.deletePreference(ctx, tx, c)
	case Seen:
		return done, s.SeenTx(ctx, tx, c.Person, c.Name)
	case Remember:
		return s.remember(ctx, tx, e, c)
	case Forget:
		return s.forget(ctx, tx, c)
	case AddScore:
		return s.addScore(ctx, tx, e, c)
	case CountCommand:
		return done, s.count(ctx, tx, c)
	case ForgetPerson:
		return s.forgetPerson(ctx, tx, c.Person)
	}
	return Result{}, fmt.Errorf("%T is no change", c)
}

// outcome is what is kept of a [Result], so that a second run answers the
// same. Texts of people are not among it: they would outlive their erasure.
type outcome struct {
	Done bool   `json:"done,omitempty"`
	Code string `json:"code,omitempty"` // of what was refused
	Safe string `json:"safe,omitempty"`
}

// keepResults writes the results down, unless there is nothing to tell.
func (s *Store) keepResults(ctx context.Context, tx database.Tx, effect []byte, results []Result) error {
	list, all := make([]outcome, len(results)), true
	for i, r := range results {
		list[i].Done = r.Done
		all = all && r.Done
		if r.Refused != nil {
			list[i].Code, list[i].Safe = failure.CodeOf(r.Refused), failure.SafeOf(r.Refused)
		}
	}
	if all {
		return nil
	}
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	_, err = s.db.Exec(ctx, tx, "UPDATE memory_effects SET results = ? WHERE effect = ?", string(text), effect)
	return explain("keep results", err)
}

// again returns the results of an effect that was made before.
func (s *Store) again(ctx context.Context, tx database.Tx, effect []byte, changes []Change) ([]Result, error) {
	var text string
	if err := s.db.QueryRow(ctx, tx, []any{&text}, "SELECT results FROM memory_effects WHERE effect = ?", effect); err != nil {
		return nil, explain("load an effect", err)
	}
	var kept []outcome
	if text != "" {
		if err := json.Unmarshal([]byte(text), &kept); err != nil {
			return nil, fmt.Errorf("load an effect: %w", err)
		}
	}
	results := make([]Result, len(changes))
	for i, c := range changes {
		results[i].Done = true
		if i < len(kept) {
			results[i] = kept[i].result()
		}
		if err := s.fill(ctx, tx, c, &results[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (o outcome) result() Result {
	r := Result{Done: o.Done}
	if o.Code != "" {
		r.Refused = invalid(o.Code, o.Safe)
	}
	return r
}

// fill adds what is current to the result of an earlier run.
func (s *Store) fill(ctx context.Context, tx database.Tx, c Change, r *Result) (err error) {
	switch c := c.(type) {
	case AddScore:
		if r.Refused == nil {
			r.Total, err = s.total(ctx, tx, c)
		}
	case Remember:
		if r.Refused == nil && !r.Done {
			var there Fact
			there, _, err = s.fact(ctx, tx, c.Place, c.Key)
			r.Old, r.Foreign = there.Value, there.Foreign
		}
	case Forget:
		if r.Refused == nil && !r.Done {
			r.Old, _, err = s.value(ctx, tx, c.Place, c.Key)
		}
	}
	return err
}

// explain says what failed.
func explain(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
