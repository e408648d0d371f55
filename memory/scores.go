package memory

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// In returns the store with its days, weeks and months by the clocks of the zone.
func (s *Store) In(zone *time.Location) *Store {
	c := *s
	c.zone = zone
	return &c
}

// addScore adds points to the four spans that the effect's time lies in.
func (s *Store) addScore(ctx context.Context, tx database.Tx, e Effect, c AddScore) (Result, error) {
	r := Result{Done: true}
	name, err := s.boardName(ctx, tx, c)
	if err != nil {
		return r, err
	}
	place, person := c.Place.Hash(), c.Person.Hash()
	args := make([]any, 0, 24)
	for _, p := range Periods() {
		span := p.Span(e.At, s.zone)
		args = append(args, place, person, BoardKey(c.Place, c.Board, span), c.N, name, database.Micros(span.Ends))
	}
	if c.N != 0 {
		if _, err := s.addPoints.Exec(ctx, tx, args...); err != nil {
			return r, fmt.Errorf("add points: %w", err)
		}
	}
	if c.Reason != "" {
		if err := s.addReason(ctx, tx, e, c); err != nil {
			return r, err
		}
	}
	r.Total, err = s.total(ctx, tx, c)
	return r, err
}

// boardName is how the board shows the person. Kudos are given to people who
// may never have written in that place: it shows what they are called elsewhere
// only of those who have.
func (s *Store) boardName(ctx context.Context, tx database.Tx, c AddScore) (string, error) {
	name := c.Name
	if name != "" {
		return name, nil
	}
	here, err := s.wroteAt(ctx, tx, c)
	if err == nil && here {
		err = s.findPerson.QueryRow(ctx, tx, []any{&name}, c.Person.Hash())
	}
	if errors.Is(err, sql.ErrNoRows) || (err == nil && name == "") {
		// Nobody knows them here yet; perhaps the board does.
		err = s.db.QueryRow(ctx, tx, []any{&name}, "SELECT name FROM memory_scores WHERE place = ? AND person = ? AND board = ?",
			c.Place.Hash(), c.Person.Hash(), allTime(c.Place, c.Board))
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", explain("look up a name", err)
	}
	return cmp.Or(name, c.Person.SenderID), nil
}

// wroteAt reports whether the points are for what the person has written in the
// place, or other points there are.
func (s *Store) wroteAt(ctx context.Context, tx database.Tx, c AddScore) (bool, error) {
	if c.Board != Kudos {
		return true, nil
	}
	n, err := s.total(ctx, tx, AddScore{Place: c.Place, Person: c.Person, Board: Messages})
	return n > 0, err
}

func allTime(at Place, b Board) []byte { return BoardKey(at, b, Span{Name: string(All)}) }

// total returns the score after a change.
func (s *Store) total(ctx context.Context, tx database.Tx, c AddScore) (n int64, err error) {
	err = s.findScore.QueryRow(ctx, tx, []any{&n}, c.Place.Hash(), c.Person.Hash(), allTime(c.Place, c.Board))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, explain("load a score", err)
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
	_, err = tx.NewRaw(text, place, person, database.Micros(e.At), effect, c.By.Hash(), c.Reason).Exec(ctx)
	if err != nil {
		return explain("keep a reason", err)
	}
	var oldest int64
	err = tx.NewRaw("SELECT given_at FROM memory_reasons WHERE place = ? AND person = ? ORDER BY given_at DESC LIMIT 1 OFFSET ?",
		place, person, MaxReasons).Scan(ctx, &oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		_, err = tx.NewRaw("DELETE FROM memory_reasons WHERE place = ? AND person = ? AND given_at <= ?", place, person, oldest).Exec(ctx)
	}
	return explain("drop old reasons", err)
}

// Score implements [Backend].
func (s *Store) Score(ctx context.Context, at Place, b Board, p Person) (n int64, err error) {
	err = s.db.Read().NewRaw("SELECT points FROM memory_scores WHERE place = ? AND person = ? AND board = ?", at.Hash(), p.Hash(), allTime(at, b)).Scan(ctx, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, explain("load a score", err)
}

// Reasons implements [Backend].
func (s *Store) Reasons(ctx context.Context, at Place, p Person, limit int) ([]Reason, error) {
	var rows []struct {
		GivenAt int64
		Reason  string
	}
	err := s.db.Read().NewRaw("SELECT given_at, reason FROM memory_reasons WHERE place = ? AND person = ? ORDER BY given_at DESC, effect LIMIT ?",
		at.Hash(), p.Hash(), limit).Scan(ctx, &rows)
	if err != nil {
		return nil, explain("load reasons", err)
	}
	list := make([]Reason, len(rows))
	for i, row := range rows {
		list[i] = Reason{Text: row.Reason, At: database.Time(row.GivenAt)}
	}
	return list, nil
}

// leaders returns the statement for a board and the arguments that name it. It
// is answered from the index memory_scores_leaders alone, which begins with the
// place on SQLite only. Elsewhere the board says it all, and its place besides
// would have PostgreSQL take both indexes and sort everybody on the board.
func leaders(engine database.Engine, place, board []byte) (query string, args []any) {
	const rest = "board = ? AND points > 0 ORDER BY points DESC, name LIMIT ?"
	if engine == database.SQLite {
		return "SELECT name, points FROM memory_scores WHERE place = ? AND " + rest, []any{place, board}
	}
	return "SELECT name, points FROM memory_scores WHERE " + rest, []any{board}
}

// Leaders implements [Backend].
func (s *Store) Leaders(ctx context.Context, at Place, b Board, period Period, now time.Time, limit int) ([]Leader, error) {
	list := []Leader{}
	query, args := leaders(s.db.Engine(), at.Hash(), BoardKey(at, b, period.Span(now, s.zone)))
	err := s.db.Read().NewRaw(query, append(args, min(limit, MaxLeaders))...).Scan(ctx, &list)
	return list, explain("load a leader board", err)
}

// rename shows the person under the new name on every board of the places where
// they have written.
func (s *Store) rename(ctx context.Context, in bun.IDB, p Person, name string) error {
	var rows []struct{ Place, Board []byte }
	err := in.NewRaw("SELECT place, board FROM memory_scores WHERE person = ? AND ends = 0", p.Hash()).Scan(ctx, &rows)
	if err != nil {
		return explain("look up a person's boards", err)
	}
	var places [][]byte
	for _, r := range rows {
		if bytes.Equal(r.Board, MessagesKey(r.Place)) {
			places = append(places, r.Place)
		}
	}
	for some := range slices.Chunk(places, 500) { // databases bound the length of a statement
		_, err = in.NewRaw("UPDATE memory_scores SET name = ? WHERE person = ? AND place IN (?)", name, p.Hash(), bun.List(some)).Exec(ctx)
		if err != nil {
			return explain("rename a person on the boards", err)
		}
	}
	return nil
}
