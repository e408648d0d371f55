package memory

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// trimSlice bounds how many rows one commit deletes, so that no writer waits for long.
const trimSlice = 500

// Trim implements [Backend].
func (s *Store) Trim(ctx context.Context, now time.Time) error {
	if err := s.trimScores(ctx, database.Micros(now.Add(-KeepPeriods))); err != nil {
		return err
	}
	return s.trimEffects(ctx, database.Micros(now.Add(-KeepEffects)))
}

func (s *Store) trimEffects(ctx context.Context, before int64) error {
	for {
		var keys [][]byte
		err := s.db.Read().NewRaw("SELECT effect FROM memory_effects WHERE made_at < ? LIMIT ?", before, trimSlice).Scan(ctx, &keys)
		if err != nil || len(keys) == 0 {
			return explain("trim effects", err)
		}
		err = s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := tx.NewRaw("DELETE FROM memory_effects WHERE effect IN (?)", bun.List(keys)).Exec(ctx)
			return err
		})
		if err != nil {
			return explain("trim effects", err)
		}
	}
}

func (s *Store) trimScores(ctx context.Context, before int64) error {
	for {
		var rows []struct{ Place, Person, Board []byte }
		err := s.db.Read().NewRaw("SELECT place, person, board FROM memory_scores WHERE ends > 0 AND ends < ? LIMIT ?", before, trimSlice).Scan(ctx, &rows)
		if err != nil || len(rows) == 0 {
			return explain("trim scores", err)
		}
		err = s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			for _, row := range rows {
				if _, err := s.dropScore.Exec(ctx, tx, row.Place, row.Person, row.Board); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return explain("trim scores", err)
		}
	}
}
