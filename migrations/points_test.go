package migrations_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
	"github.com/parley-bot/parley/migrations"
)

// formerSpans are what the version before counted a point in.
func formerSpans(at time.Time, zone *time.Location) (spans []memory.Span) {
	for _, p := range memory.Periods() {
		spans = append(spans, p.Span(at, zone))
	}
	return spans
}

// What the version before has counted by day, week, month and in all is kept by
// day, under the same names, in whatever zone it was counted, and found facts
// are found; taken back, all-time scores are what they were, and the version
// before finds what was remembered since.
func TestScoresByDay(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("UTC+13", 13*3600)
	room := memory.Place{Platform: "generic", Group: true, ID: "room"}
	cellar := memory.Place{Platform: "generic", Group: true, ID: "cellar"}
	person := func(n int) memory.Person { return memory.Person{Platform: "generic", SenderID: fmt.Sprint("p", n)} }
	now := time.Now()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		down(t, db)
		count := func(at memory.Place, b memory.Board, p memory.Person, name string, points int64, when time.Time) {
			t.Helper()
			write(t, db, func(ctx context.Context, tx database.Tx) error {
				for _, span := range formerSpans(when, zone) {
					if span.Name != "all" && span.Ends.Before(now.Add(-memory.KeepPeriods)) {
						continue // trimmed
					}
					key := map[bool]string{true: "place, person, board", false: "board, person"}[db.Engine() == database.SQLite]
					text := database.Upsert(db.Engine(), "INSERT INTO memory_scores (place, person, board, points, name, ends) VALUES (?, ?, ?, ?, ?, ?)",
						key, "points = memory_scores.points + excluded.points, name = excluded.name")
					if _, err := db.Exec(ctx, tx, text, at.Hash(), p.Hash(), memory.BoardKey(at, b, span), points, name, database.Micros(span.Ends)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		want := map[string]int64{}
		for n := range 3 {
			for day := range 60 {
				points := int64(n*100 + day + 1)
				count(room, memory.Messages, person(n), fmt.Sprint("Name ", n), points, now.AddDate(0, 0, -day))
				want[fmt.Sprint("all Name ", n)] += points
				for _, p := range []memory.Period{memory.Day, memory.Week, memory.Month} {
					if p.Span(now, zone).Name == p.Span(now.AddDate(0, 0, -day), zone).Name {
						want[fmt.Sprint(p, " Name ", n)] += points
					}
				}
			}
		}
		count(cellar, memory.Kudos, person(1), "old name", 2, now.AddDate(0, 0, -3))
		count(cellar, memory.Kudos, person(1), "new name", 3, now)
		count(cellar, memory.Kudos, person(2), "minus", -4, now)
		fold := memory.Fold("Wifi, here") + "\x01" + memory.Fold("the password is 'tea'") + "\x01"
		fact := database.Hash("fact", "Wifi, here")
		write(t, db, func(ctx context.Context, tx database.Tx) error {
			_, err := db.Exec(ctx, tx, "INSERT INTO memory_facts (place, fact, remembered_at, fact_key, value) VALUES (?, ?, 36, 'Wifi, here', 'the password is ''tea''')", room.Hash(), fact)
			if err != nil {
				return err
			}
			_, err = db.Exec(ctx, tx, "INSERT INTO memory_fact_lines (place, shard, facts, content) VALUES (?, ?, 1, ?)",
				room.Hash(), int(fact[0])%64, fold+"10\x01"+base64.RawStdEncoding.EncodeToString(fact)+"\n")
			return err
		})

		up(t, db)
		s := memory.New(db).In(zone)
		for _, p := range memory.Periods() {
			list, err := s.Leaders(ctx, room, memory.Messages, p, now, 10)
			if err != nil || len(list) != 3 {
				t.Fatalf("%s: %v, %v", p, list, err)
			}
			for _, l := range list {
				if l.Points != want[string(p)+" "+l.Name] {
					t.Errorf("%s of %s: %d, want %d", p, l.Name, l.Points, want[string(p)+" "+l.Name])
				}
			}
		}
		if list, err := s.Leaders(ctx, cellar, memory.Kudos, memory.All, now, 10); err != nil || !slices.Equal(list, []memory.Leader{{Name: "new name", Points: 5}}) {
			t.Errorf("%v, %v", list, err)
		}
		if n, err := s.Score(ctx, cellar, memory.Kudos, person(2)); n != -4 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if found, n, err := s.SearchFacts(ctx, room, "tea", 5); n != 1 || err != nil || len(found) != 1 || found[0].Value != "the password is 'tea'" {
			t.Errorf("%v, %d, %v", found, n, err)
		}

		if _, err := memorytest.Apply(ctx, db, s, memory.Effect{ID: "since", At: now},
			memory.Remember{Place: room, Key: "since", Value: "then", Author: person(1)},
			memory.AddScore{Place: cellar, Board: memory.Kudos, Person: person(1), Name: "new name", N: 10}); err != nil {
			t.Fatal(err)
		}
		down(t, db)
		all := func(at memory.Place, b memory.Board, p memory.Person, span memory.Span) (n int64) {
			t.Helper()
			err := db.QueryRow(ctx, db.Read(), []any{&n}, "SELECT points FROM memory_scores WHERE place = ? AND person = ? AND board = ?",
				at.Hash(), p.Hash(), memory.BoardKey(at, b, span))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, span := range formerSpans(now, zone) {
			period, _, _ := strings.Cut(span.Name, " ")
			if got := all(room, memory.Messages, person(1), span); got != want[period+" Name 1"] {
				t.Errorf("taken back, %s: %d, want %d", span.Name, got, want[period+" Name 1"])
			}
		}
		if got := all(cellar, memory.Kudos, person(1), memory.Span{Name: "all"}); got != 15 {
			t.Errorf("taken back: %d, want 15", got)
		}
		var facts int
		var content string
		err := db.QueryRow(ctx, db.Read(), []any{&facts, &content}, "SELECT facts, content FROM memory_fact_lines WHERE place = ? AND shard = ?", room.Hash(), int(fact[0])%64)
		if err != nil || facts < 1 || !strings.Contains(content, fold+"10\x01"+base64.RawStdEncoding.EncodeToString(fact)+"\n") {
			t.Errorf("%d: %q, %v", facts, content, err)
		}
		up(t, db)
		if n, err := s.Score(ctx, cellar, memory.Kudos, person(1)); n != 15 || err != nil {
			t.Errorf("up again: %d, %v", n, err)
		}
		if _, n, err := s.SearchFacts(ctx, room, "then", 5); n != 1 || err != nil {
			t.Errorf("up again: %d found, %v", n, err)
		}
	})
}

func down(t *testing.T, db *database.DB) {
	t.Helper()
	if _, err := migrations.Down(t.Context(), db, 14); err != nil {
		t.Fatal(err)
	}
}

func up(t *testing.T, db *database.DB) {
	t.Helper()
	if _, err := migrations.Up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, db *database.DB, fn func(context.Context, database.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// What is carried over is no loss, unless the tables it goes back to are taken
// back, too.
func TestCarriedIsNotLost(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	if _, err := memorytest.Apply(t.Context(), db, memory.New(db), memory.Effect{ID: "e", At: time.Now()}, memory.AddScore{
		Place: memory.Place{Platform: "generic", Group: true, ID: "room"}, Board: memory.Messages,
		Person: memory.Person{Platform: "generic", SenderID: "alice"}, N: 1,
	}); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[int]bool{14: false, 3: false, 2: true, 0: true} {
		lost, err := migrations.Lost(t.Context(), db, to)
		if got := slices.Contains(lost.Tables, migrations.TableLoss{Table: "memory_points", Rows: 1}); got != want || err != nil {
			t.Errorf("down to %d: %+v, %v", to, lost, err)
		}
	}
	if tables := migrations.Tables(); !slices.Contains(tables, "memory_points") || slices.Contains(tables, "memory_scores") {
		t.Errorf("%v", tables)
	}
}
