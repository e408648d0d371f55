package memory

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// Footprint implements [Backend].
func (s *Store) Footprint(ctx context.Context, p Person) (Footprint, error) {
	return s.footprint(ctx, s.db.Read(), p)
}

func (s *Store) footprint(ctx context.Context, in database.Reader, p Person) (f Footprint, err error) {
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
		{&f.Scores, "SELECT COUNT(*) FROM (SELECT place FROM memory_points WHERE person = ? GROUP BY place, board) AS boards", []any{person}},
		{&f.Reasons, "SELECT COUNT(*) FROM memory_reasons WHERE person = ? OR giver = ?", []any{person, person}},
		{&known, "SELECT COUNT(*) FROM people WHERE person = ?", []any{person}},
	} {
		if err := s.db.QueryRow(ctx, in, []any{one.into}, one.text, one.args...); err != nil {
			return Footprint{}, explain("count what is kept", err)
		}
	}
	f.Name = known > 0
	return f, nil
}

// forgetPerson erases everything about a person.
func (s *Store) forgetPerson(ctx context.Context, tx database.Tx, p Person) (Result, error) {
	erased, err := s.footprint(ctx, tx, p)
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
		{"UPDATE memory_facts SET author = NULL WHERE author = ?", person},
		{"DELETE FROM memory_points WHERE person = ?", person},
		{"DELETE FROM memory_points WHERE place = ?", private},
		{"DELETE FROM memory_reasons WHERE person = ?", person},
		{"DELETE FROM memory_reasons WHERE giver = ?", person},
		{"DELETE FROM people WHERE person = ?", person},
	} {
		if _, err := s.db.Exec(ctx, tx, one.text, one.key); err != nil {
			return Result{}, explain("forget a person", err)
		}
	}
	return Result{Done: true, Erased: erased}, nil
}
