package dbtest

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // as another program opens it
)

// Original returns the path of a database as feishu-webhook-bot makes it with
// SQLAlchemy. It holds two conversations of one key, as that program could make,
// of two messages and of one, and one of a third person without messages.
func Original(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "conversations.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`CREATE TABLE conversations (id INTEGER NOT NULL, user_key VARCHAR(255) NOT NULL, platform VARCHAR(50) NOT NULL, chat_id VARCHAR(255),
			created_at DATETIME NOT NULL, last_activity DATETIME NOT NULL, summary TEXT, total_tokens INTEGER NOT NULL, message_count INTEGER NOT NULL,
			active_persona_id VARCHAR(100), PRIMARY KEY (id))`,
		`CREATE TABLE messages (id INTEGER NOT NULL, conversation_id INTEGER NOT NULL, role VARCHAR(20) NOT NULL, content TEXT NOT NULL,
			timestamp DATETIME NOT NULL, tokens INTEGER NOT NULL, metadata_json TEXT, PRIMARY KEY (id), FOREIGN KEY(conversation_id) REFERENCES conversations (id))`,
		`INSERT INTO conversations VALUES
			(1, 'feishu:private:ou_1', 'feishu', 'oc_1', '2025-11-01 08:00:00.000000', '2025-11-01 08:00:05.250000', 'about tea', 15, 2, 'teacher'),
			(2, 'feishu:private:ou_1', 'feishu', 'oc_1', '2025-11-02 08:00:00.000000', '2025-11-02 08:00:00.000000', NULL, 0, 1, NULL),
			(3, 'qq:group:7', 'qq', NULL, '2025-11-03 08:00:00.000000', '2025-11-03 08:00:00.000000', NULL, 0, 0, NULL)`,
		`INSERT INTO messages VALUES
			(1, 1, 'user', 'Hello 你好', '2025-11-01 08:00:00.000000', 5, NULL),
			(2, 1, 'assistant', 'Good morning', '2025-11-01 08:00:05.250000', 10, '{"model": "m"}'),
			(3, 2, 'user', 'Again', '2025-11-02 08:00:00.000000', -3, NULL)`,
	} {
		if _, err := db.ExecContext(tb.Context(), statement); err != nil {
			tb.Fatal(err)
		}
	}
	return path
}
