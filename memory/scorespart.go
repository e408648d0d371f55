package memory

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// scoresPart is the [database.Part] of scores: one record for all points of one
// person on one board of one place, by day. Weeks and months follow from the days.
type scoresPart struct{ s *Store }

// scoreRecord is such a record. A board's key is a hash, so that the board and
// the day of a row are found by trying.
type scoreRecord struct {
	Place  string           `json:"place"`
	Person string           `json:"person"`
	Board  Board            `json:"board"`
	Name   string           `json:"name"`
	Points int64            `json:"points"` // of all time
	Days   map[string]int64 `json:"days"`   // by date, of the last KeepPeriods

	place, person []byte
}

// scoreRow is a row of memory_scores.
type scoreRow struct {
	place, person, board []byte
	points, ends         int64
	name                 string
}

// scorePage is how many rows are read at once.
const scorePage = 1000

// Title implements [database.Part].
func (p scoresPart) Title() string { return "scores" }

// Count implements [database.Part].
func (p scoresPart) Count(ctx context.Context) (n int64, err error) {
	err = p.s.db.QueryRow(ctx, p.s.db.Read(), []any{&n}, "SELECT COUNT(*) FROM memory_scores WHERE ends = 0")
	return n, err
}

// Each implements [database.Part].
func (p scoresPart) Each(ctx context.Context, fn func(record []byte) error) error {
	return p.s.db.Snapshot(ctx, func(from database.Reader) error {
		var rows []scoreRow // of one person in one place
		flush := func() error {
			defer func() { rows = rows[:0] }()
			for _, record := range recordsOf(rows) {
				text, err := json.Marshal(record)
				if err == nil {
					err = fn(text)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		err := p.rows(ctx, from, func(r scoreRow) error {
			if len(rows) > 0 && (!bytes.Equal(rows[0].person, r.person) || !bytes.Equal(rows[0].place, r.place)) {
				if err := flush(); err != nil {
					return err
				}
			}
			rows = append(rows, r)
			return nil
		})
		if err != nil {
			return err
		}
		return flush()
	})
}

// rows reads all rows by place and person: a page at a time on SQLite, where
// that is the order of the table, and else in one go, since each page would be
// sorted anew.
func (p scoresPart) rows(ctx context.Context, from database.Reader, fn func(scoreRow) error) error {
	limit := math.MaxInt32
	if p.s.db.Engine() == database.SQLite {
		limit = scorePage
	}
	var last scoreRow
	for {
		n, where, args := 0, "", []any{}
		if last.place != nil {
			where = " WHERE place >= ? AND (place > ? OR person > ? OR (person = ? AND board > ?))"
			args = []any{last.place, last.place, last.person, last.person, last.board}
		}
		err := p.s.db.Query(ctx, from, func(rows *sql.Rows) error {
			var r scoreRow
			if err := rows.Scan(&r.place, &r.person, &r.board, &r.points, &r.name, &r.ends); err != nil {
				return err
			}
			n, last = n+1, r
			return fn(r)
		}, "SELECT place, person, board, points, name, ends FROM memory_scores"+where+" ORDER BY place, person, board LIMIT ?",
			append(args, limit)...)
		if err != nil || n < limit {
			return err
		}
	}
}

// recordsOf makes the records of one person in one place.
func recordsOf(rows []scoreRow) []*scoreRecord {
	byBoard := map[Board]*scoreRecord{}
	for _, r := range rows {
		board, span, ok := r.found()
		if !ok {
			continue // a week or a month
		}
		record := byBoard[board]
		if record == nil {
			record = &scoreRecord{
				Place: hex.EncodeToString(r.place), Person: hex.EncodeToString(r.person),
				Board: board, Name: r.name, Days: map[string]int64{},
			}
			byBoard[board] = record
		}
		if span == string(All) {
			record.Points, record.Name = r.points, r.name
		} else {
			record.Days[span] += r.points
		}
	}
	return slices.SortedFunc(maps.Values(byBoard), func(a, b *scoreRecord) int { return bytes.Compare([]byte(a.Board), []byte(b.Board)) })
}

// found returns the board of a row, and its date or All; ok is false for what is neither.
func (r scoreRow) found() (b Board, span string, ok bool) {
	for _, b := range []Board{Kudos, Messages, Tokens} {
		if r.ends == 0 && bytes.Equal(r.board, boardKey(r.place, b, Span{Name: string(All)})) {
			return b, string(All), true
		}
		if r.ends == 0 {
			continue
		}
		// The zone may have been another one then: a day ends up to a day
		// before or after it does in UTC.
		for back := range 3 {
			day := database.Time(r.ends).AddDate(0, 0, -back)
			if bytes.Equal(r.board, boardKey(r.place, b, Span{Name: dayName(day.Format(time.DateOnly))})) {
				return b, day.Format(time.DateOnly), true
			}
		}
	}
	return "", "", false
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
	columns := "INSERT INTO memory_scores (place, person, board, points, name, ends) VALUES (?, ?, ?, ?, ?, ?)"
	all := database.Once(p.s.db.Engine(), columns, scoreKey(p.s.db.Engine()))
	n, err := p.s.db.Exec(ctx, tx, all, r.place, r.person, boardKey(r.place, r.Board, Span{Name: string(All)}), r.Points, r.Name, 0)
	if err != nil || n == 0 {
		return err
	}
	more := database.Upsert(p.s.db.Engine(), columns, scoreKey(p.s.db.Engine()), "points = memory_scores.points + excluded.points")
	for _, date := range slices.Sorted(maps.Keys(r.Days)) {
		noon, err := time.ParseInLocation(time.DateOnly+" 15", date+" 12", p.s.zone)
		if err != nil {
			return err
		}
		for _, period := range []Period{Day, Week, Month} {
			span := period.Span(noon, p.s.zone)
			_, err := p.s.db.Exec(ctx, tx, more, r.place, r.person, boardKey(r.place, r.Board, span), r.Days[date], r.Name, database.Micros(span.Ends))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Empty implements [database.Part].
func (p scoresPart) Empty(ctx context.Context) error {
	table := database.Table{
		DB: p.s.db, Name: "memory_scores", Key: []string{"place", "person", "board"},
		Columns: []database.Column{
			{Name: "place", Kind: database.Digest},
			{Name: "person", Kind: database.Digest},
			{Name: "board", Kind: database.Digest},
		},
	}
	return table.Empty(ctx)
}
