package memory

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// scoresPart is the [database.Part] of scores: one record for all points of one
// person on one board of one place, by day.
type scoresPart struct{ s *Store }

// scoreRecord is such a record.
type scoreRecord struct {
	Place  string           `json:"place"`
	Person string           `json:"person"`
	Board  Board            `json:"board"`
	Name   string           `json:"name"`
	Points int64            `json:"points"` // of all time
	Days   map[string]int64 `json:"days"`   // by date, of the last KeepPeriods

	place, person []byte
}

// pointsRow is a row of memory_points.
type pointsRow struct {
	place, person []byte
	board         Board
	day, points   int64
	name          string
}

const (
	pointsColumns = "place, board, person, day, points, name"
	insertPoints  = "INSERT INTO memory_points (" + pointsColumns + ") VALUES (?, ?, ?, ?, ?, ?)"
	pointsPage    = 1000 // how many rows are read at once
)

func scanPoints(rows *sql.Rows) (r pointsRow, err error) {
	err = rows.Scan(&r.place, &r.board, &r.person, &r.day, &r.points, &r.name)
	return r, err
}

// Title implements [database.Part].
func (p scoresPart) Title() string { return "scores" }

// Count implements [database.Part].
func (p scoresPart) Count(ctx context.Context) (n int64, err error) {
	err = p.s.db.QueryRow(ctx, p.s.db.Read(), []any{&n}, "SELECT COUNT(*) FROM (SELECT place FROM memory_points GROUP BY place, board, person) AS records")
	return n, err
}

// Each implements [database.Part].
func (p scoresPart) Each(ctx context.Context, fn func(record []byte) error) error {
	return p.s.db.Snapshot(ctx, func(from database.Reader) error {
		var now *scoreRecord
		flush := func() error {
			if now == nil {
				return nil
			}
			text, err := json.Marshal(now)
			if err != nil {
				return err
			}
			return fn(text)
		}
		err := p.rows(ctx, from, func(r pointsRow) error {
			if !now.takes(r) {
				if err := flush(); err != nil {
					return err
				}
				now = &scoreRecord{
					Place: hex.EncodeToString(r.place), Person: hex.EncodeToString(r.person), Board: r.board, Name: r.name,
					Days: map[string]int64{}, place: r.place, person: r.person,
				}
			}
			now.Points += r.points
			if r.day > 0 {
				now.Days[time.Unix(r.day*secondsOfDay, 0).UTC().Format(time.DateOnly)] = r.points
			}
			return nil
		})
		if err != nil {
			return err
		}
		return flush()
	})
}

// takes reports whether the row is of the record.
func (r *scoreRecord) takes(row pointsRow) bool {
	return r != nil && r.Board == row.board && bytes.Equal(r.person, row.person) && bytes.Equal(r.place, row.place)
}

// rows reads all rows in the order of the key.
func (p scoresPart) rows(ctx context.Context, from database.Reader, fn func(pointsRow) error) error {
	limit := pageOf(p.s.db.Engine())
	where, args := "", []any{}
	for {
		n, last := 0, pointsRow{}
		err := p.s.db.Query(ctx, from, func(rows *sql.Rows) (err error) {
			if last, err = scanPoints(rows); err != nil {
				return err
			}
			n++
			return fn(last)
		}, "SELECT "+pointsColumns+" FROM memory_points"+where+" ORDER BY "+pointsKey+" LIMIT ?", append(args, limit)...)
		if err != nil || n < limit {
			return err
		}
		where, args = " WHERE ("+pointsKey+") > (?, ?, ?, ?)", []any{last.place, last.board, last.person, last.day}
	}
}

// Add implements [database.Part]. Whoever has points on a board keeps them as they are.
func (p scoresPart) Add(ctx context.Context, records []json.RawMessage) error {
	list := make([]scoreRecord, len(records))
	for i, text := range records {
		if err := list[i].read(text); err != nil {
			return err
		}
	}
	return p.s.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		for i := range list {
			if err := p.add(ctx, tx, &list[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *scoreRecord) read(text json.RawMessage) (err error) {
	if err := json.Unmarshal(text, r); err != nil {
		return err
	}
	if r.place, err = hex.DecodeString(r.Place); err != nil {
		return fmt.Errorf("place: %w", err)
	}
	if r.person, err = hex.DecodeString(r.Person); err != nil {
		return fmt.Errorf("person: %w", err)
	}
	return nil
}

func (p scoresPart) add(ctx context.Context, tx database.Tx, r *scoreRecord) error {
	var there int
	err := p.s.db.QueryRow(ctx, tx, []any{&there}, "SELECT COUNT(*) FROM memory_points WHERE place = ? AND board = ? AND person = ?",
		r.place, r.Board, r.person)
	if err != nil || there > 0 {
		return err
	}
	points := map[int64]int64{0: r.Points} // by day; what no day has is of those that are over
	for date, n := range r.Days {
		at, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return err
		}
		points[dayOf(at, time.UTC)] = n
		points[0] -= n
	}
	for _, day := range slices.Sorted(maps.Keys(points)) {
		if day == 0 && points[day] == 0 && len(points) > 1 {
			continue
		}
		if _, err := p.s.db.Exec(ctx, tx, insertPoints, r.place, r.Board, r.person, day, points[day], r.Name); err != nil {
			return err
		}
	}
	return nil
}

// Empty implements [database.Part].
func (p scoresPart) Empty(ctx context.Context) error {
	table := database.Table{
		DB: p.s.db, Name: "memory_points", Key: []string{"place", "board", "person", "day"},
		Columns: []database.Column{
			{Name: "place", Kind: database.Digest},
			{Name: "board"},
			{Name: "person", Kind: database.Digest},
			{Name: "day", Kind: database.Number},
		},
	}
	return table.Empty(ctx)
}
