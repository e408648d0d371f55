package memory

import (
	"context"
	"database/sql"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// trimSlice bounds how many rows one commit changes, so that no writer waits for long.
const trimSlice = 500

// Trim implements [Backend].
func (s *Store) Trim(ctx context.Context, now time.Time) error {
	err := s.trimPoints(ctx, dayOf(now.Add(-KeepPeriods), s.zone))
	if err != nil {
		return explain("trim scores", err)
	}
	return explain("trim effects", s.trimEffects(ctx, database.Micros(now.Add(-KeepEffects))))
}

func (s *Store) trimEffects(ctx context.Context, before int64) error {
	for {
		var keys [][]byte
		err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
			var key []byte
			err := rows.Scan(&key)
			keys = append(keys, key)
			return err
		}, "SELECT effect FROM memory_effects WHERE made_at < ? LIMIT ?", before, trimSlice)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := s.db.Exec(ctx, tx, "DELETE FROM memory_effects WHERE effect IN (?)", keys)
			return err
		})
		if err != nil {
			return err
		}
	}
}

// trimPoints puts the points of the days before the given one together.
func (s *Store) trimPoints(ctx context.Context, before int64) error {
	for {
		var old []pointsRow
		err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
			r, err := scanPoints(rows)
			old = append(old, r)
			return err
		}, "SELECT "+pointsColumns+" FROM memory_points WHERE day > 0 AND day < ? LIMIT ?", before, trimSlice)
		if err != nil || len(old) == 0 {
			return err
		}
		err = s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			for i := range old {
				if err := s.together(ctx, tx, &old[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// together moves a day's points to the row of all days that are over. One that
// has changed since it was read stays for the next slice.
func (s *Store) together(ctx context.Context, tx database.Tx, r *pointsRow) error {
	n, err := s.db.Exec(ctx, tx, "DELETE FROM memory_points WHERE place = ? AND board = ? AND person = ? AND day = ? AND points = ?",
		r.place, r.board, r.person, r.day, r.points)
	if err != nil || n == 0 {
		return err
	}
	text := database.Upsert(s.db.Engine(), insertPoints, pointsKey, "points = memory_points.points + excluded.points")
	_, err = s.db.Exec(ctx, tx, text, r.place, r.board, r.person, 0, r.points, r.name)
	return err
}
