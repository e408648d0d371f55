package memory

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// Points are kept by day: memory_points has one row for each person, board,
// place and day, and one more, of day 0, for all days that were trimmed. Longer
// periods are summed when somebody asks. All rows of a person on a board show
// the same name.

// In returns the store with its days, weeks and months by the clocks of the zone.
func (s *Store) In(zone *time.Location) *Store {
	c := *s
	c.zone = zone
	return &c
}

// pointsKey is the primary key of memory_points.
const pointsKey = "place, board, person, day"

const addsPoints = "points = memory_points.points + excluded.points, name = excluded.name"

// addScore adds points to the day that the effect's time lies in.
func (s *Store) addScore(ctx context.Context, tx database.Tx, e Effect, c AddScore) (Result, error) {
	if c.N != 0 {
		if err := s.addPoints(ctx, tx, e, c); err != nil {
			return Result{}, explain("add points", err)
		}
	}
	if c.Reason != "" {
		if err := s.addReason(ctx, tx, e, c); err != nil {
			return Result{}, err
		}
	}
	total, err := s.total(ctx, tx, c)
	return Result{Done: true, Total: total}, err
}

func (s *Store) addPoints(ctx context.Context, tx database.Tx, e Effect, c AddScore) error {
	if !c.isNamed() {
		return s.countPoints(ctx, tx, e, c)
	}
	name, err := s.boardName(ctx, tx, c)
	if err != nil {
		return err
	}
	place, person := c.Place.Hash(), c.Person.Hash()
	_, err = s.db.Exec(ctx, tx, database.Upsert(s.db.Engine(), insertPoints, pointsKey, addsPoints),
		place, c.Board, person, dayOf(e.At, s.zone), c.N, name)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, tx, "UPDATE memory_points SET name = ? WHERE place = ? AND board = ? AND person = ? AND name <> ?",
		name, place, c.Board, person, name)
	return err
}

// isNamed reports whether the board is told how to show the person. Who has just
// written there is shown as they are called; renaming them renames their rows.
func (c AddScore) isNamed() bool { return c.Board == Kudos || c.Name != "" }

// isCount reports whether a change only adds points, of somebody who has written.
func (c AddScore) isCount() bool { return !c.isNamed() && c.Reason == "" && c.N != 0 }

// isAmong reports whether one of some counts is for the same row.
func (c AddScore) isAmong(counts []AddScore) bool {
	return slices.ContainsFunc(counts, func(o AddScore) bool { return o.Place == c.Place && o.Board == c.Board && o.Person == c.Person })
}

// countPoints adds points to boards of people who have just written there.
func (s *Store) countPoints(ctx context.Context, tx database.Tx, e Effect, counts ...AddScore) error {
	rows := make([][]any, len(counts))
	for i, c := range counts {
		person := c.Person.Hash()
		rows[i] = []any{c.Place.Hash(), c.Board, person, dayOf(e.At, s.zone), c.N, person, c.Person.SenderID}
	}
	const insert = "INSERT INTO memory_points (" + pointsColumns + ") VALUES (?, ?, ?, ?, ?, COALESCE((SELECT NULLIF(name, '') FROM people WHERE person = ?), ?))"
	return explain("add points", s.db.InsertAll(ctx, tx, database.Upsert(s.db.Engine(), insert, pointsKey, addsPoints), rows))
}

// boardName is how the board shows the person. Kudos are given to people who
// may never have written in that place: it shows what they are called elsewhere
// only of those who have.
func (s *Store) boardName(ctx context.Context, tx database.Tx, c AddScore) (name string, err error) {
	if c.Name != "" {
		return c.Name, nil
	}
	here, err := s.score(ctx, tx, c.Place, Messages, c.Person)
	if err == nil && here > 0 {
		err = s.db.QueryRow(ctx, tx, []any{&name}, "SELECT name FROM people WHERE person = ?", c.Person.Hash())
	}
	if errors.Is(err, sql.ErrNoRows) || err == nil && name == "" {
		// Nobody knows them here yet; perhaps the board does.
		err = s.db.QueryRow(ctx, tx, []any{&name}, "SELECT name FROM memory_points WHERE place = ? AND board = ? AND person = ? LIMIT 1",
			c.Place.Hash(), c.Board, c.Person.Hash())
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	return cmp.Or(name, c.Person.SenderID), nil
}

// total is the score that a change tells.
func (s *Store) total(ctx context.Context, tx database.Tx, c AddScore) (int64, error) {
	if c.Board != Kudos {
		return 0, nil
	}
	return s.score(ctx, tx, c.Place, c.Board, c.Person)
}

// addReason keeps why, and drops what is more than MaxReasons.
func (s *Store) addReason(ctx context.Context, tx database.Tx, e Effect, c AddScore) error {
	effect, err := e.Hash()
	if err != nil {
		return err
	}
	place, person := c.Place.Hash(), c.Person.Hash()
	text := database.Once(s.db.Engine(), "INSERT INTO memory_reasons (place, person, given_at, effect, giver, reason) VALUES (?, ?, ?, ?, ?, ?)",
		"place, person, given_at, effect")
	_, err = s.db.Exec(ctx, tx, text, place, person, database.Micros(e.At), effect, c.By.Hash(), c.Reason)
	if err != nil {
		return explain("keep a reason", err)
	}
	var oldest int64
	err = s.db.QueryRow(ctx, tx, []any{&oldest}, "SELECT given_at FROM memory_reasons WHERE place = ? AND person = ? ORDER BY given_at DESC LIMIT 1 OFFSET ?",
		place, person, MaxReasons)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		_, err = s.db.Exec(ctx, tx, "DELETE FROM memory_reasons WHERE place = ? AND person = ? AND given_at <= ?", place, person, oldest)
	}
	return explain("drop old reasons", err)
}

// Score implements [Backend].
func (s *Store) Score(ctx context.Context, at Place, b Board, p Person) (int64, error) {
	return s.score(ctx, s.db.Read(), at, b, p)
}

func (s *Store) score(ctx context.Context, in database.Reader, at Place, b Board, p Person) (n int64, err error) {
	err = s.db.QueryRow(ctx, in, []any{&n}, "SELECT COALESCE(SUM(points), 0) FROM memory_points WHERE place = ? AND board = ? AND person = ?",
		at.Hash(), b, p.Hash())
	return n, explain("load a score", err)
}

// Reasons implements [Backend].
func (s *Store) Reasons(ctx context.Context, at Place, p Person, limit int) ([]Reason, error) {
	list := []Reason{}
	err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var r Reason
		var given int64
		err := rows.Scan(&given, &r.Text)
		r.At = database.Time(given)
		list = append(list, r)
		return err
	}, "SELECT given_at, reason FROM memory_reasons WHERE place = ? AND person = ? ORDER BY given_at DESC, effect LIMIT ?",
		at.Hash(), p.Hash(), limit)
	return list, explain("load reasons", err)
}

// leaders reads a board by the primary key, in the order of its people, so that
// nothing is sorted but their sums.
const leaders = `SELECT MAX(name), SUM(points) FROM memory_points
	WHERE place = ? AND board = ? AND day >= ? AND day < ?
	GROUP BY person HAVING SUM(points) > 0 ORDER BY SUM(points) DESC, MAX(name) LIMIT ?`

// Leaders implements [Backend].
func (s *Store) Leaders(ctx context.Context, at Place, b Board, period Period, now time.Time, limit int) ([]Leader, error) {
	list := []Leader{}
	from, to := period.Span(now, s.zone).days(s.zone)
	err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var l Leader
		err := rows.Scan(&l.Name, &l.Points)
		list = append(list, l)
		return err
	}, leaders, at.Hash(), b, from, to, min(limit, MaxLeaders))
	return list, explain("load a leader board", err)
}

// rename shows the person under the new name on every board of the places where
// they have written.
func (s *Store) rename(ctx context.Context, tx database.Tx, p Person, name string) error {
	var places [][]byte
	err := s.db.Query(ctx, tx, func(rows *sql.Rows) error {
		var place []byte
		err := rows.Scan(&place)
		places = append(places, place)
		return err
	}, "SELECT DISTINCT place FROM memory_points WHERE person = ? AND board = ?", p.Hash(), Messages)
	if err != nil {
		return explain("look up where a person has written", err)
	}
	for some := range slices.Chunk(places, 512) { // databases bound the length of a statement
		_, err := s.db.Exec(ctx, tx, "UPDATE memory_points SET name = ? WHERE person = ? AND place IN (?)", name, p.Hash(), some)
		if err != nil {
			return explain("rename a person on the boards", err)
		}
	}
	return nil
}
