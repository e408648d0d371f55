package memory

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// What runs on every turn or for a board reads its own rows by an index,
// however many others there are, and sorts nothing.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	board, _ := leaders(db.Engine(), nil, nil)
	for query, index := range map[string]string{
		board: "COVERING INDEX memory_scores_leaders (place=? AND board=? AND points>?)",
		"SELECT points FROM memory_scores WHERE place = ? AND person = ? AND board = ?":           "PRIMARY KEY (place=? AND person=? AND board=?)",
		"SELECT content FROM memory_fact_lines WHERE place = ?":                                   "INDEX sqlite_autoindex_memory_fact_lines_1 (place=?)",
		"SELECT value FROM memory_facts WHERE place = ? AND fact = ?":                             "PRIMARY KEY (place=? AND fact=?)",
		"SELECT effect FROM memory_effects WHERE made_at < ? LIMIT ?":                             "COVERING INDEX memory_effects_age (made_at<?)",
		"SELECT place, person, board FROM memory_scores WHERE ends > 0 AND ends < ? LIMIT ?":      "COVERING INDEX memory_scores_ends (ends>? AND ends<?)",
		"SELECT reason FROM memory_reasons WHERE place = ? AND person = ? ORDER BY given_at DESC": "INDEX memory_reasons_person (person=? AND place=?)",
		"DELETE FROM memory_scores WHERE place = ?":                                               "PRIMARY KEY (place=?)",
		"DELETE FROM memory_scores WHERE person = ?":                                              "INDEX memory_scores_person (person=?)",
		"DELETE FROM memory_reasons WHERE giver = ?":                                              "INDEX memory_reasons_giver (giver=?)",
		"SELECT COUNT(*) FROM memory_facts WHERE author = ?":                                      "INDEX memory_facts_author (author=?)",
	} {
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = 1
		}
		plan := explainPlan(t, db, query, args)
		if got := strings.Join(plan, "; "); !strings.Contains(got, index) || strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("%s\n got %s\nwant %s", query, got, index)
		}
	}
}

// The servers choose by what they believe of the rows, so there have to be some.
func TestLeadersOnServers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		if db.Engine() == database.SQLite {
			return // TestPlans
		}
		ctx := t.Context()
		key := func(kind string, n int) []byte { return database.Hash(kind, strconv.Itoa(n)) }
		err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			for i := range 6_000 {
				board, person := i%40, i/40 // eight boards in each of five places
				_, err := db.Exec(ctx, tx, "INSERT INTO memory_scores (place, person, board, points, name) VALUES (?, ?, ?, ?, ?)",
					key("place", board/8), key("person", person), key("board", board), int64(person*37%150), strconv.Itoa(person))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		refresh := "ANALYZE memory_scores"
		if db.Engine() == database.MySQL {
			refresh = "ANALYZE TABLE memory_scores"
		}
		if _, err := db.Maintenance().ExecContext(ctx, refresh); err != nil {
			t.Fatal(err)
		}
		query, args := leaders(db.Engine(), key("place", 1), key("board", 9))
		var plan []map[string]any
		if err := db.Read().NewRaw("EXPLAIN "+query, append(args, 10)...).Scan(ctx, &plan); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s", plan)
		if !strings.Contains(got, "memory_scores_leaders") || strings.Contains(got, "Sort") || strings.Contains(got, "filesort") {
			t.Errorf("%s\n%s", query, got)
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

// The last free places are fought for, and the lines that are searched stay
// what the facts are.
func TestFactCountLimit(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	s, err := New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	p := Person{Platform: "generic", SenderID: "alice"}
	at := PlaceOf(p, true, "room")
	apply := func(id string, changes ...Change) (results []Result) {
		t.Helper()
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) (err error) {
			results, err = s.Apply(ctx, tx, Effect{ID: id, At: time.Now()}, changes...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	for start := range MaxFacts / 1000 {
		changes := make([]Change, 1000)
		for i := range changes {
			changes[i] = Remember{Place: at, Key: fmt.Sprint("fact ", start*1000+i), Value: "value", Author: p}
		}
		for _, r := range apply(fmt.Sprint("fill ", start), changes...) {
			if !r.Done {
				t.Fatalf("%+v", r)
			}
		}
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
