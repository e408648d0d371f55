package memory

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/parley-bot/parley/internal/database"
)

// SearchFacts implements [Backend]. It compares the place's own facts, which
// MaxFacts bounds, and then reads those that are shown.
func (s *Store) SearchFacts(ctx context.Context, at Place, text string, limit int) ([]Fact, int, error) {
	m := NewMatcher(text)
	if m.Empty() || limit < 1 {
		return nil, 0, nil
	}
	var ids [][]byte
	var texts []string
	var times []int64
	err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var id []byte
		var text string
		var at int64
		err := rows.Scan(&id, &at, &text)
		ids, texts, times = append(ids, id), append(texts, text), append(times, at)
		return err
	}, "SELECT fact, remembered_at, folded FROM memory_facts WHERE place = ? ORDER BY fact", at.Hash())
	if err != nil {
		return nil, 0, explain("search facts", err)
	}
	best := m.Best(texts, times)
	found := make([]Fact, 0, min(limit, len(best)))
	for _, i := range best[:min(limit, len(best))] {
		f, ok, err := s.factByID(ctx, at, ids[i])
		if err != nil {
			return nil, 0, err
		}
		if ok {
			found = append(found, f)
		}
	}
	return found, len(best), nil
}

// factByID returns a fact that was found, and whether it is still there.
func (s *Store) factByID(ctx context.Context, at Place, id []byte) (f Fact, ok bool, err error) {
	var micros int64
	var author []byte
	err = s.db.QueryRow(ctx, s.db.Read(), []any{&f.Key, &f.Value, &micros, &author, &f.Foreign},
		"SELECT fact_key, value, remembered_at, author, is_foreign FROM memory_facts WHERE place = ? AND fact = ?", at.Hash(), id)
	if errors.Is(err, sql.ErrNoRows) { // forgotten meanwhile
		return Fact{}, false, nil
	}
	f.At, f.Author = database.Time(micros), hex.EncodeToString(author)
	return f, err == nil, explain("load a fact", err)
}
