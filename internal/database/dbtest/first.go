package dbtest

import (
	"context"
	"embed"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// firstSchema is what the first landed version made of an empty database, kept
// as it was: migrations.TestFirstIsFrozen holds migration 0001 to it.
//
//go:embed testdata/0001/*.sql
var firstSchema embed.FS

// firstStatements returns the statements with which the first landed version made
// its schema on engine.
func firstStatements(tb testing.TB, engine database.Engine) []string {
	tb.Helper()
	text, err := firstSchema.ReadFile("testdata/0001/" + string(engine) + ".sql")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), ";\n"), ";\n\n")
}

// FirstVersion returns the URL of a database that the first landed version has
// made and used. Alice said hello and was answered (conversation 1), Bob has
// no message yet (conversation 2), Alice has a preference, and an event of
// hers waits for its turn. The database is gone after the test.
func FirstVersion(tb testing.TB, engine database.Engine) string {
	tb.Helper()
	url, ctx := URL(tb, engine), context.Background()
	db, err := database.Open(ctx, database.Options{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	run := func(statement string, args ...any) {
		tb.Helper()
		if _, err := db.Maintenance().NewRaw(statement, args...).Exec(ctx); err != nil {
			tb.Fatalf("%v in %s", err, statement)
		}
	}
	for _, statement := range append(bookkeeping(engine), firstStatements(tb, engine)...) {
		run(statement)
	}
	firstRows(run)
	return url
}

// bookkeeping returns the statements for the tables in which migrations are recorded.
func bookkeeping(engine database.Engine) []string {
	serial, text, stamp := "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "VARCHAR", "TIMESTAMP"
	switch engine {
	case database.Postgres:
		serial, stamp = "BIGSERIAL NOT NULL PRIMARY KEY", "TIMESTAMPTZ"
	case database.MySQL:
		serial, text, stamp = "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY", "VARCHAR(255)", "DATETIME"
	case database.SQLite:
	}
	return []string{
		"CREATE TABLE schema_version (id " + serial + ", name " + text + ", group_id BIGINT, migrated_at " + stamp +
			" NOT NULL DEFAULT current_timestamp)",
		"CREATE TABLE schema_lock (id " + serial + ", table_name " + text + ", UNIQUE (table_name))",
		"INSERT INTO schema_version (name, group_id) VALUES ('0001', 1)",
	}
}

const firstEvent = `{"kind":"message","chat_type":"private","chat_id":"alice","sender_id":"alice","text":"are you there?",
	"sent_at":"2025-01-08T10:00:00Z","reply_to":{}}`

// FirstTime is when everything in the database of [FirstVersion] happened.
func FirstTime() time.Time { return time.Date(2025, 1, 8, 10, 0, 0, 123456000, time.UTC) }

func firstRows(run func(statement string, args ...any)) {
	at := FirstTime()
	micros := at.UnixMicro()
	for id, user := range []string{"generic:private:alice", "generic:private:bob"} {
		run(`INSERT INTO conversations (identity, user_key, platform, chat_id, created_at, last_activity, summary,
			total_tokens, message_count, model, persona, next_id) VALUES (?, ?, 'generic', ?, ?, ?, ?, ?, ?, '', ?, ?)`,
			database.Hash("conversation", "", user, user[16:], ""), user, user[16:], at, at, "greets", 12*(1-id), 2*(1-id), "pirate", 3-2*id)
	}
	for i, role := range []string{"user", "assistant"} {
		run(`INSERT INTO messages (conversation_id, id, role, author, content, timestamp, tokens, metadata_json, is_command)
			VALUES (1, ?, ?, '', ?, ?, ?, ?, 0)`, i+1, role, "hello 🦜 "+role, at, 6, `{"n":{"deep":[1,2]}}`)
	}
	run(`INSERT INTO token_ledger (user_hash, at, tokens) VALUES (?, ?, 12)`, database.Hash("tokens", "generic:private:alice"), micros)
	person := database.Hash("person", "", "generic", "alice")
	run(`INSERT INTO people (person, platform, sender_id, name, first_seen) VALUES (?, 'generic', 'alice', 'Alice', ?)`, person, micros)
	run(`INSERT INTO user_preferences (id, person, platform, sender_id, pref_key, value, created_at, updated_at)
		VALUES (?, ?, 'generic', 'alice', 'city', 'Paris  by night', ?, ?)`, database.Hash("preference", "city"), person, at, at)
	lane := database.Hash("conversation", "", "generic:private:alice", "alice", "")
	run(`INSERT INTO lanes (lane_key, ready_at, updated_at) VALUES (?, ?, ?)`, lane, micros, micros)
	run(`INSERT INTO events (event_key, lane_key, platform, event_id, user_key, body, status, error, received_at, updated_at, steps)
		VALUES (?, ?, 'generic', 'evt-1', 'generic:private:alice', ?, 'received', '', ?, ?, '[]')`,
		database.Hash("event", "evt-1"), lane, firstEvent, micros, micros)
}
