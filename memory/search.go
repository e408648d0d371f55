package memory

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/parley-bot/parley/internal/database"
)

// SearchFacts implements [Backend]. It reads the place's own lines, which
// MaxFacts bounds, and then the facts that are shown.
func (s *Store) SearchFacts(ctx context.Context, at Place, text string, limit int) ([]Fact, int, error) {
	m := NewMatcher(text)
	if m.Empty() || limit < 1 {
		return nil, 0, nil
	}
	hits, err := s.matches(ctx, at, m)
	if err != nil {
		return nil, 0, explain("search facts", err)
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(b.at, a.at), cmp.Compare(a.fact, b.fact))
	})
	found := make([]Fact, 0, min(limit, len(hits)))
	for _, h := range hits[:min(limit, len(hits))] {
		f, ok, err := s.factByID(ctx, at, h.fact)
		if err != nil {
			return nil, 0, err
		}
		if ok {
			found = append(found, f)
		}
	}
	return found, len(hits), nil
}

// factByID returns the fact of a line, and whether it is still there.
func (s *Store) factByID(ctx context.Context, at Place, id string) (f Fact, ok bool, err error) {
	key, err := base64.RawStdEncoding.DecodeString(id)
	if err != nil {
		return Fact{}, false, err
	}
	var micros int64
	err = s.db.Read().NewRaw("SELECT fact_key, value, remembered_at FROM memory_facts WHERE place = ? AND fact = ?",
		at.Hash(), key).Scan(ctx, &f.Key, &f.Value, &micros)
	if errors.Is(err, sql.ErrNoRows) { // forgotten meanwhile
		return Fact{}, false, nil
	}
	f.At = database.Time(micros)
	return f, err == nil, explain("load a fact", err)
}
