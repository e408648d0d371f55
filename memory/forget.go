package memory

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// Footprint implements [Backend].
func (s *Store) Footprint(ctx context.Context, p Person) (Footprint, error) {
	return footprint(ctx, s.db.Read(), p)
}

func footprint(ctx context.Context, in bun.IDB, p Person) (f Footprint, err error) {
	person, private := p.Hash(), Private(p).Hash()
	var known int64
	for _, one := range []struct {
		into *int64
		text string
		args []any
	}{
		{&f.Preferences, "SELECT COUNT(*) FROM user_preferences WHERE person = ?", []any{person}},
		{&f.Facts, "SELECT COUNT(*) FROM memory_facts WHERE place = ?", []any{private}},
		{&f.Authored, "SELECT COUNT(*) FROM memory_facts WHERE author = ? AND place <> ?", []any{person, private}},
		{&f.Scores, "SELECT COUNT(*) FROM memory_scores WHERE person = ? AND ends = 0", []any{person}},
		{&f.Reasons, "SELECT COUNT(*) FROM memory_reasons WHERE person = ? OR giver = ?", []any{person, person}},
		{&known, "SELECT COUNT(*) FROM people WHERE person = ?", []any{person}},
	} {
		if err := in.NewRaw(one.text, one.args...).Scan(ctx, one.into); err != nil {
			return Footprint{}, explain("count what is kept", err)
		}
	}
	f.Name = known > 0
	return f, nil
}

// forgetPerson erases everything about a person.
func (s *Store) forgetPerson(ctx context.Context, tx database.Tx, p Person) (Result, error) {
	erased, err := footprint(ctx, tx, p)
	if err != nil {
		return Result{}, err
	}
	person, private := p.Hash(), Private(p).Hash()
	for _, one := range []struct {
		text string
		key  []byte
	}{
		{"DELETE FROM user_preferences WHERE person = ?", person},
		{"DELETE FROM memory_facts WHERE place = ?", private},
		{"DELETE FROM memory_fact_lines WHERE place = ?", private},
		{"UPDATE memory_facts SET author = NULL WHERE author = ?", person},
		{"DELETE FROM memory_scores WHERE person = ?", person},
		{"DELETE FROM memory_scores WHERE place = ?", private},
		{"DELETE FROM memory_reasons WHERE person = ?", person},
		{"DELETE FROM memory_reasons WHERE giver = ?", person},
		{"DELETE FROM people WHERE person = ?", person},
	} {
		if _, err := tx.NewRaw(one.text, one.key).Exec(ctx); err != nil {
			return Result{}, explain("forget a person", err)
		}
	}
	return Result{Done: true, Erased: erased}, nil
}
