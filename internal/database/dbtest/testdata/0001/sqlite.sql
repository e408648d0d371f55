CREATE TABLE IF NOT EXISTS conversations (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	identity BLOB NOT NULL,
	user_key TEXT NOT NULL,
	platform TEXT NOT NULL,
	chat_id TEXT NOT NULL DEFAULT '',
	tenant TEXT NOT NULL DEFAULT '',
	thread_id TEXT NOT NULL DEFAULT '',
	created_at TIMESTAMP NOT NULL,
	last_activity TIMESTAMP NOT NULL,
	summary TEXT,
	total_tokens BIGINT NOT NULL DEFAULT 0,
	message_count BIGINT NOT NULL DEFAULT 0,
	model TEXT NOT NULL DEFAULT '',
	persona TEXT NOT NULL DEFAULT '',
	first_id BIGINT NOT NULL DEFAULT 1,
	next_id BIGINT NOT NULL DEFAULT 1,
	visible SMALLINT NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX conversations_identity ON conversations (identity);

CREATE INDEX conversations_user ON conversations (user_key, last_activity);

CREATE INDEX conversations_activity ON conversations (last_activity, id);

CREATE INDEX conversations_tenant ON conversations (tenant);

CREATE TABLE IF NOT EXISTS messages (
	conversation_id BIGINT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
	id BIGINT NOT NULL,
	role TEXT NOT NULL,
	author TEXT NOT NULL DEFAULT '',
	content TEXT NOT NULL,
	timestamp TIMESTAMP NOT NULL,
	tokens BIGINT NOT NULL DEFAULT 0,
	metadata_json TEXT,
	is_command SMALLINT NOT NULL DEFAULT 0,
	PRIMARY KEY (conversation_id, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS token_ledger (
	user_hash BLOB NOT NULL,
	at BIGINT NOT NULL,
	tokens BIGINT NOT NULL,
	PRIMARY KEY (user_hash, at)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS user_preferences (
	id BLOB NOT NULL PRIMARY KEY,
	person BLOB NOT NULL,
	tenant TEXT NOT NULL DEFAULT '',
	platform TEXT NOT NULL,
	sender_id TEXT NOT NULL,
	pref_key TEXT NOT NULL,
	value TEXT NOT NULL,
	created_at TIMESTAMP NOT NULL,
	updated_at TIMESTAMP NOT NULL
);

CREATE INDEX user_preferences_person ON user_preferences (person);

CREATE TABLE IF NOT EXISTS people (
	person BLOB NOT NULL PRIMARY KEY,
	tenant TEXT NOT NULL DEFAULT '',
	platform TEXT NOT NULL,
	sender_id TEXT NOT NULL,
	name TEXT NOT NULL DEFAULT '',
	first_seen BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX people_tenant ON people (tenant);

CREATE TABLE IF NOT EXISTS lanes (
	lane_key BLOB NOT NULL PRIMARY KEY,
	queue TEXT NOT NULL DEFAULT '',
	ready_at BIGINT,
	lease_owner TEXT NOT NULL DEFAULT '',
	lease_no BIGINT NOT NULL DEFAULT 0,
	updated_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX lanes_ready ON lanes (queue, ready_at) WHERE ready_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS events (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	event_key BLOB NOT NULL,
	message_key BLOB,
	lane_key BLOB NOT NULL,
	platform TEXT NOT NULL,
	tenant TEXT NOT NULL DEFAULT '',
	event_id TEXT NOT NULL,
	user_key TEXT NOT NULL,
	body TEXT NOT NULL,
	status TEXT NOT NULL,
	error TEXT NOT NULL,
	attempts BIGINT NOT NULL DEFAULT 0,
	conversation_id BIGINT,
	delivery_id BIGINT,
	received_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	next_attempt_at BIGINT NOT NULL DEFAULT 0,
	steps TEXT NOT NULL
);

CREATE UNIQUE INDEX events_event_key ON events (event_id, event_key);

CREATE UNIQUE INDEX events_message_key ON events (message_key) WHERE message_key IS NOT NULL;

CREATE INDEX events_open ON events (lane_key, id) WHERE status IN ('received','running','failed');

CREATE INDEX events_odd ON events (status, id) WHERE status IN ('failed','dead','discarded','ignored');

CREATE TABLE IF NOT EXISTS deliveries (
	id BIGINT NOT NULL PRIMARY KEY,
	lane_key BLOB NOT NULL,
	platform TEXT NOT NULL,
	address TEXT NOT NULL,
	text TEXT NOT NULL,
	state TEXT NOT NULL,
	outcome TEXT NOT NULL,
	error TEXT NOT NULL,
	message_id BIGINT NOT NULL DEFAULT 0,
	tokens BIGINT NOT NULL DEFAULT 0,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS delivery_parts (
	delivery_id BIGINT NOT NULL,
	n BIGINT NOT NULL,
	part_key TEXT NOT NULL,
	text TEXT NOT NULL,
	state TEXT NOT NULL,
	platform_id TEXT NOT NULL DEFAULT '',
	tried_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (delivery_id, n)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS usage_daily (
	day TEXT NOT NULL,
	model TEXT NOT NULL,
	prompt_tokens BIGINT NOT NULL,
	completion_tokens BIGINT NOT NULL,
	calls BIGINT NOT NULL,
	PRIMARY KEY (day, model)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS job_runs (
	name TEXT NOT NULL,
	slot BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	finished_at BIGINT NOT NULL DEFAULT 0,
	status TEXT NOT NULL,
	result TEXT NOT NULL,
	error TEXT NOT NULL,
	PRIMARY KEY (name, slot)
) WITHOUT ROWID;
