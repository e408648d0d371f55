package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// The hot queries find what they look for by an index and read nothing else.
// SQLite uses a partial index only for a query that repeats its condition.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, tt := range []struct{ query, index string }{
		{"SELECT id FROM events WHERE lane_key = x'00' AND " + open + " ORDER BY id LIMIT 8", "events_open (lane_key=?)"},
		{"SELECT " + strings.Replace(hasOpen, "?", "x'00'", 1), "events_open (lane_key=?)"},
		{"SELECT count(*) FROM events WHERE " + open, "events_open"},
		{"SELECT count(*) FROM events WHERE " + odd + " AND status = 'dead'", "events_odd (status=?)"},
		{"SELECT id FROM events WHERE " + odd + " AND status = 'dead' ORDER BY id DESC LIMIT 10", "events_odd (status=?)"},
		{"SELECT lane_key, lease_no FROM lanes WHERE queue = '' AND crashes = 0 AND ready_at <= 7 ORDER BY ready_at LIMIT 8", "lanes_ready (queue=? AND crashes=? AND ready_at<?)"},
		{"SELECT 1 FROM lanes WHERE queue = '' AND crashes > 1 AND ready_at <= 7", "lanes_ready (queue=? AND crashes>?)"},
		{"SELECT count(*) FROM lanes WHERE queue = '' AND crashes = 0 AND ready_at > 7 AND lease_owner <> ''", "lanes_ready (queue=? AND crashes=? AND ready_at>?)"},
		{"SELECT id FROM events WHERE event_id = 'e' AND event_key = x'00'", "events_event_key (event_id=? AND event_key=?)"},
		{"SELECT person, several FROM threads WHERE thread_key = x'00'", "PRIMARY KEY (thread_key=?)"},
		{"SELECT id FROM events WHERE message_key IN (x'00', x'01', x'02') AND " + open, "events_message_key (message_key=?)"},
	} {
		plan := explain(t.Context(), t, db, tt.query)
		if !strings.Contains(plan, tt.index) || strings.Contains(plan, "SCAN events\n") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nis done by\n%s", tt.query, plan)
		}
	}
}

// What is stored for each event must not need a table of its own.
func TestInsertBuildsNoTables(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	rows, err := db.Read().DB.QueryContext(t.Context(), "EXPLAIN "+strings.ReplaceAll(dialectOf(db).insertEvent, "?", "NULL"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var addr, p1, p2, p3, p4, p5, comment any
		var code string
		if err := rows.Scan(&addr, &code, &p1, &p2, &p3, &p4, &p5, &comment); err != nil {
			t.Fatal(err)
		}
		if n++; code == "OpenEphemeral" {
			t.Errorf("step %v builds a table", addr)
		}
	}
	if err := rows.Err(); err != nil || n < 20 {
		t.Fatalf("%d steps, %v", n, err)
	}
}

// On servers too a claim begins where lanes become ready, although it compares with
// the server's own clock.
func TestServersClaimByIndex(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		engine              database.Engine
		set, explain, shows string
	}{
		{database.Postgres, "SET LOCAL enable_seqscan = off", "EXPLAIN", `Index Scan using lanes_ready on lanes(.|\n)*Index Cond: .*ready_at <=`},
		{database.MySQL, "DO 0", "EXPLAIN FORMAT=JSON", `"key": "lanes_ready"(.|\n)*"used_key_parts": \["queue", "crashes", "ready_at"\]`},
	} {
		if !slices.Contains(dbtest.Engines(), tt.engine) {
			continue
		}
		t.Run(string(tt.engine), func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, dbtest.Migrated(t, tt.engine))
			now, _ := db.Moment()
			var plan strings.Builder
			err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
				if _, err := tx.Tx.ExecContext(ctx, tt.set); err != nil {
					return err
				}
				return db.Query(ctx, tx, func(rows *sql.Rows) error {
					var line string
					err := rows.Scan(&line)
					fmt.Fprintln(&plan, line)
					return err
				}, tt.explain+" SELECT lane_key FROM lanes WHERE queue = '' AND crashes = 0 AND ready_at <= "+now+" ORDER BY ready_at LIMIT 8"+db.SkipLocked())
			})
			if err != nil || !regexp.MustCompile(tt.shows).MatchString(plan.String()) {
				t.Errorf("%v\n%s", err, plan.String())
			}
		})
	}
}

func explain(ctx context.Context, t *testing.T, db *database.DB, query string) string {
	t.Helper()
	rows, err := db.Read().DB.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
