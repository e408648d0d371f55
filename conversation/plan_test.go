package conversation

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// Queries that a webhook waits for, or that run beside webhooks again and
// again, find their rows through an index and sort nothing.
func TestQueryPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	m, err := New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for name, q := range map[string]struct {
		text string
		args []any
	}{
		"history":  {historyQuery, []any{1, 10, 20}},
		"context":  {m.sql.context, []any{9, 9, 5, 1, 10, 20}},
		"recent":   {recentQuery, []any{9, "…", 500, 9, 1, 20}},
		"export":   {m.sql.after, []any{1, 0, 500}},
		"find":     {`SELECT ` + conversationColumns + ` FROM conversations WHERE identity = ? AND visible = 1`, []any{[]byte{1}}},
		"touch":    {`UPDATE conversations SET last_activity = ? WHERE identity = ? AND visible = 1`, []any{time.Now(), []byte{1}}},
		"reserve":  {`UPDATE conversations SET next_id = next_id + 1 WHERE id = ? AND visible = 1`, []any{1}},
		"by user":  {`SELECT id FROM conversations WHERE visible = 1 AND ` + m.exactly("user_key") + ` ORDER BY last_activity DESC, id DESC LIMIT 1`, []any{"a", "a"}},
		"tokens":   {`SELECT SUM(tokens) FROM token_ledger WHERE user_hash = ? AND at >= ?`, []any{[]byte{1}, 1}},
		"tenant":   {`SELECT COUNT(*) FROM conversations WHERE visible = 1 AND ` + m.exactly("tenant"), []any{"a", "a"}},
		"list":     {`SELECT id FROM conversations WHERE visible = 1 AND last_activity <= ? AND (last_activity < ? OR id < ?) ORDER BY last_activity DESC, id DESC LIMIT 50`, []any{time.Now(), time.Now(), 1}},
		"cleanup":  {`SELECT id FROM conversations WHERE visible = 1 AND last_activity < ? ORDER BY last_activity, id LIMIT 100`, []any{time.Now()}},
		"slice":    {`SELECT id FROM messages WHERE conversation_id = ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?`, []any{1, 10, 500}},
		"deletion": {`DELETE FROM messages WHERE conversation_id = ? AND id < ?`, []any{1, 10}},
	} {
		plan := explain(t, db, q.text, q.args...)
		if strings.Contains(plan, "SCAN ") || strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "SEARCH ") {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

func explain(t *testing.T, db *database.DB, query string, args ...any) (plan string) {
	t.Helper()
	rows, err := db.Maintenance().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b, c int
		var detail string
		if err := rows.Scan(&a, &b, &c, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
