package memory

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// What runs on every turn or for a board reads its own rows by an index,
// however many others there are, and sorts nothing but the sums of a board.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for query, index := range map[string]string{
		leaders: "PRIMARY KEY (place=? AND board=?)",
		"SELECT SUM(points) FROM memory_points WHERE place = ? AND board = ? AND person = ?":                        "(person=? AND place=? AND board=?)",
		"SELECT name FROM memory_points WHERE place = ? AND board = ? AND person = ? LIMIT 1":                       "(person=? AND place=? AND board=?)",
		"SELECT fact, remembered_at, folded FROM memory_facts WHERE place = ?":                                      "PRIMARY KEY (place=?)",
		"SELECT value FROM memory_facts WHERE place = ? AND fact = ?":                                               "PRIMARY KEY (place=? AND fact=?)",
		"SELECT effect FROM memory_effects WHERE made_at < ? LIMIT ?":                                               "COVERING INDEX memory_effects_age (made_at<?)",
		"SELECT " + pointsColumns + " FROM memory_points WHERE day > 0 AND day < ? LIMIT ?":                         "INDEX memory_points_day (day>? AND day<?)",
		"SELECT day FROM memory_points WHERE (" + pointsKey + ") > (?, ?, ?, ?) ORDER BY " + pointsKey + " LIMIT ?": "PRIMARY KEY (",
		"SELECT DISTINCT place FROM memory_points WHERE person = ? AND board = ?":                                   "INDEX memory_points_person (person=?)",
		"SELECT reason FROM memory_reasons WHERE place = ? AND person = ? ORDER BY given_at DESC":                   "INDEX memory_reasons_person (person=? AND place=?)",
		"DELETE FROM memory_points WHERE place = ?":                                                                 "PRIMARY KEY (place=?)",
		"DELETE FROM memory_points WHERE person = ?":                                                                "INDEX memory_points_person (person=?)",
		"DELETE FROM memory_reasons WHERE giver = ?":                                                                "INDEX memory_reasons_giver (giver=?)",
		"SELECT COUNT(*) FROM memory_facts WHERE author = ?":                                                        "INDEX memory_facts_author (author=?)",
	} {
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = 1
		}
		plan := strings.ReplaceAll(strings.Join(explainPlan(t, db, query, args), "; "), "USE TEMP B-TREE FOR ORDER BY", "")
		if query != leaders && strings.Contains(query, "ORDER BY") && !strings.Contains(strings.Join(explainPlan(t, db, query, args), ""), index) {
			t.Errorf("%s is sorted", query)
		}
		if !strings.Contains(plan, index) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n got %s\nwant %s", query, plan, index)
		}
	}
}

// crowd gives 10,000 people points on 35 days of one place, and as many others
// some in other places.
func crowd(t *testing.T, db *database.DB, people, days int) (at Place, now time.Time) {
	t.Helper()
	at = Place{Platform: "generic", Group: true, ID: "crowd"}
	now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for start := 0; start < people; start += 200 {
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			for i := start; i < min(start+200, people); i++ {
				if err := points(ctx, db, tx, at, i, days, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	refresh := map[database.Engine]string{database.SQLite: "PRAGMA optimize", database.Postgres: "ANALYZE memory_points", database.MySQL: "ANALYZE TABLE memory_points"}
	if _, err := db.Maintenance().ExecContext(t.Context(), refresh[db.Engine()]); err != nil {
		t.Fatal(err)
	}
	return at, now
}

// points inserts the days of one person of the crowd in one statement.
func points(ctx context.Context, db *database.DB, tx database.Tx, at Place, i, days int, now time.Time) error {
	person, name := database.Hash("test", strconv.Itoa(i)), fmt.Sprintf("person %05d", i)
	values, args := "", []any{}
	for day := range days {
		values += ", (?, ?, ?, ?, ?, ?)"
		args = append(args, at.Hash(), Messages, person, dayOf(now.AddDate(0, 0, -day), time.UTC), i%97+1, name)
	}
	values += ", (?, ?, ?, ?, ?, ?)"
	args = append(args, database.Hash("place", strconv.Itoa(i%50)), Messages, person, 0, 1, name)
	_, err := db.Exec(ctx, tx, "INSERT INTO memory_points ("+pointsColumns+") VALUES "+values[2:], args...)
	return err
}

// A board of many people and days is read by the key of its place, on every
// engine, and quickly; PARLEY_TEST_CROWD says for how many it is measured.
func TestLeadersOfACrowd(t *testing.T) {
	t.Parallel()
	people := 500
	if n, err := strconv.Atoi(os.Getenv("PARLEY_TEST_CROWD")); err == nil {
		people = n
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		const days = 35
		at, now := crowd(t, db, people, days)
		s := New(db)
		for _, period := range Periods() {
			begun := time.Now()
			list, err := s.Leaders(t.Context(), at, Messages, period, now, 10)
			took := time.Since(begun)
			t.Logf("%s, %d people, %s: %s", db.Engine(), people, period, took)
			if err != nil || len(list) != 10 || list[0].Name != "person 00096" || took > time.Second {
				t.Errorf("%s: %v, %v in %s", period, list, err, took)
			}
			if want := map[Period]int64{Day: 97, Week: 5 * 97, Month: 20 * 97, All: days * 97}[period]; list[0].Points != want {
				t.Errorf("%s: %d, want %d", period, list[0].Points, want)
			}
		}
		explain := map[database.Engine]string{database.SQLite: "EXPLAIN QUERY PLAN ", database.Postgres: "EXPLAIN ", database.MySQL: "EXPLAIN "}[db.Engine()]
		key := map[database.Engine]string{database.SQLite: "PRIMARY KEY (place=? AND board=?)", database.Postgres: "memory_points_pkey", database.MySQL: "PRIMARY"}[db.Engine()]
		other := database.Hash("place", "7")
		var plan []map[string]any
		if err := db.Read().NewRaw(explain+leaders, other, Messages, 0, 1<<40, 10).Scan(t.Context(), &plan); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s", plan); !strings.Contains(got, key) || strings.Contains(got, "Seq Scan") || strings.Contains(got, "GROUP BY") {
			t.Errorf("not by the key: %s", got)
		}
	})
}

func explainPlan(t *testing.T, db *database.DB, query string, args []any) (plan []string) {
	t.Helper()
	rows, err := db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// The last free places are fought for, and all are searched.
func TestFactCountLimit(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	s := New(db)
	p := Person{Platform: "generic", SenderID: "alice"}
	at := PlaceOf(p, true, "room")
	apply := func(id string, changes ...Change) (results []Result) {
		t.Helper()
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) (err error) {
			results, err = s.applyTx(ctx, tx, Effect{ID: id, At: time.Now()}, changes)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		for i := range MaxFacts - 1 {
			key := fmt.Sprint("fact ", i)
			_, err := db.Exec(ctx, tx, "INSERT INTO memory_facts (place, fact, remembered_at, fact_key, value, folded) VALUES (?, ?, ?, ?, ?, ?)",
				at.Hash(), factID(key), i, key, "value", Folded(key, "value"))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := apply("last", Remember{Place: at, Key: "fact last", Value: "value", Author: p})[0]; !r.Done {
		t.Errorf("the last: %+v", r)
	}
	more := Remember{Place: at, Key: "one more", Value: "value", Author: p}
	if r := apply("more", more)[0]; r.Done || r.Refused == nil {
		t.Errorf("beyond the limit: %+v", r)
	}
	if r := apply("make room", Forget{Place: at, Key: "fact 7"}, more); !r[0].Done || !r[1].Done {
		t.Errorf("in the place of another: %+v", r)
	}
	found, total, err := s.SearchFacts(t.Context(), at, "fact", 20)
	if err != nil || len(found) != 20 || total != MaxFacts-1 {
		t.Errorf("%d of %d found, %v", len(found), total, err)
	}
	if _, total, err := s.SearchFacts(t.Context(), at, "one more", 20); err != nil || total != 1 {
		t.Errorf("the new one: %d, %v", total, err)
	}
}
