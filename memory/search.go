package memory

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/database"
)

// fieldEnd is found in no field: [Fold] leaves no control characters.
const fieldEnd = "\x01"

// folded is what a search compares of a fact; it stands beside it.
func folded(key, value string) string { return Fold(key) + fieldEnd + Fold(value) }

// hit is a fact that matches a search.
type hit struct {
	rank int
	at   int64 // microseconds since 1970
	fact []byte
}

// SearchFacts implements [Backend]. It compares the place's own facts, which
// MaxFacts bounds, and then reads those that are shown.
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
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(b.at, a.at), bytes.Compare(a.fact, b.fact))
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

// matches returns every fact of the place that matches.
func (s *Store) matches(ctx context.Context, at Place, m Matcher) (hits []hit, err error) {
	err = s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var h hit
		var fact sql.RawBytes
		var text string
		if err := rows.Scan(&fact, &h.at, &text); err != nil {
			return err
		}
		key, value, _ := strings.Cut(text, fieldEnd)
		if h.rank = m.Rank(key, value); h.rank > 0 {
			h.fact = bytes.Clone(fact)
			hits = append(hits, h)
		}
		return nil
	}, "SELECT fact, remembered_at, folded FROM memory_facts WHERE place = ?", at.Hash())
	return hits, err
}

// factByID returns a fact that was found, and whether it is still there.
func (s *Store) factByID(ctx context.Context, at Place, id []byte) (f Fact, ok bool, err error) {
	var micros int64
	err = s.db.QueryRow(ctx, s.db.Read(), []any{&f.Key, &f.Value, &micros},
		"SELECT fact_key, value, remembered_at FROM memory_facts WHERE place = ? AND fact = ?", at.Hash(), id)
	if errors.Is(err, sql.ErrNoRows) { // forgotten meanwhile
		return Fact{}, false, nil
	}
	f.At = database.Time(micros)
	return f, err == nil, explain("load a fact", err)
}
