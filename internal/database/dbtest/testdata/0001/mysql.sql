CREATE TABLE IF NOT EXISTS conversations (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	identity BINARY(32) NOT NULL,
	user_key VARCHAR(1024) NOT NULL,
	platform VARCHAR(50) NOT NULL,
	chat_id VARCHAR(255) NOT NULL DEFAULT '',
	tenant VARCHAR(255) NOT NULL DEFAULT '',
	thread_id VARCHAR(255) NOT NULL DEFAULT '',
	created_at DATETIME(6) NOT NULL,
	last_activity DATETIME(6) NOT NULL,
	summary LONGTEXT,
	total_tokens BIGINT NOT NULL DEFAULT 0,
	message_count BIGINT NOT NULL DEFAULT 0,
	model VARCHAR(255) NOT NULL DEFAULT '',
	persona VARCHAR(255) NOT NULL DEFAULT '',
	first_id BIGINT NOT NULL DEFAULT 1,
	next_id BIGINT NOT NULL DEFAULT 1,
	visible SMALLINT NOT NULL DEFAULT 1
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX conversations_identity ON conversations (identity);

CREATE INDEX conversations_user ON conversations (user_key(255), last_activity);

CREATE INDEX conversations_activity ON conversations (last_activity, id);

CREATE INDEX conversations_tenant ON conversations (tenant);

CREATE TABLE IF NOT EXISTS messages (
	conversation_id BIGINT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
	id BIGINT NOT NULL,
	role VARCHAR(20) NOT NULL,
	author VARCHAR(1024) NOT NULL DEFAULT '',
	content LONGTEXT NOT NULL,
	timestamp DATETIME(6) NOT NULL,
	tokens BIGINT NOT NULL DEFAULT 0,
	metadata_json LONGTEXT,
	is_command SMALLINT NOT NULL DEFAULT 0,
	PRIMARY KEY (conversation_id, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS token_ledger (
	user_hash BINARY(32) NOT NULL,
	at BIGINT NOT NULL,
	tokens BIGINT NOT NULL,
	PRIMARY KEY (user_hash, at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS user_preferences (
	id BINARY(32) NOT NULL PRIMARY KEY,
	person BINARY(32) NOT NULL,
	tenant VARCHAR(255) NOT NULL DEFAULT '',
	platform VARCHAR(50) NOT NULL,
	sender_id VARCHAR(255) NOT NULL,
	pref_key VARCHAR(255) NOT NULL,
	value LONGTEXT NOT NULL,
	created_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX user_preferences_person ON user_preferences (person);

CREATE TABLE IF NOT EXISTS people (
	person BINARY(32) NOT NULL PRIMARY KEY,
	tenant VARCHAR(255) NOT NULL DEFAULT '',
	platform VARCHAR(50) NOT NULL,
	sender_id VARCHAR(255) NOT NULL,
	name VARCHAR(255) NOT NULL DEFAULT '',
	first_seen BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX people_tenant ON people (tenant);

CREATE TABLE IF NOT EXISTS lanes (
	lane_key BINARY(32) NOT NULL PRIMARY KEY,
	queue VARCHAR(50) NOT NULL DEFAULT '',
	ready_at BIGINT,
	lease_owner VARCHAR(255) NOT NULL DEFAULT '',
	lease_no BIGINT NOT NULL DEFAULT 0,
	updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX lanes_ready ON lanes (queue, ready_at);

CREATE TABLE IF NOT EXISTS events (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	event_key BINARY(32) NOT NULL,
	message_key BINARY(32),
	lane_key BINARY(32) NOT NULL,
	platform VARCHAR(50) NOT NULL,
	tenant VARCHAR(255) NOT NULL DEFAULT '',
	event_id VARCHAR(255) NOT NULL,
	user_key VARCHAR(1024) NOT NULL,
	body LONGTEXT NOT NULL,
	status VARCHAR(20) NOT NULL,
	error LONGTEXT NOT NULL,
	attempts BIGINT NOT NULL DEFAULT 0,
	conversation_id BIGINT,
	delivery_id BIGINT,
	received_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	next_attempt_at BIGINT NOT NULL DEFAULT 0,
	steps LONGTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX events_event_key ON events (event_id, event_key);

CREATE UNIQUE INDEX events_message_key ON events (message_key);

CREATE INDEX events_open ON events (lane_key, id);

CREATE INDEX events_odd ON events (status, id);

CREATE TABLE IF NOT EXISTS deliveries (
	id BIGINT NOT NULL PRIMARY KEY,
	lane_key BINARY(32) NOT NULL,
	platform VARCHAR(50) NOT NULL,
	address LONGTEXT NOT NULL,
	text LONGTEXT NOT NULL,
	state VARCHAR(20) NOT NULL,
	outcome VARCHAR(20) NOT NULL,
	error LONGTEXT NOT NULL,
	message_id BIGINT NOT NULL DEFAULT 0,
	tokens BIGINT NOT NULL DEFAULT 0,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS delivery_parts (
	delivery_id BIGINT NOT NULL,
	n BIGINT NOT NULL,
	part_key VARCHAR(50) NOT NULL,
	text LONGTEXT NOT NULL,
	state VARCHAR(20) NOT NULL,
	platform_id VARCHAR(255) NOT NULL DEFAULT '',
	tried_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (delivery_id, n)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS usage_daily (
	day VARCHAR(20) NOT NULL,
	model VARCHAR(255) NOT NULL,
	prompt_tokens BIGINT NOT NULL,
	completion_tokens BIGINT NOT NULL,
	calls BIGINT NOT NULL,
	PRIMARY KEY (day, model)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS job_runs (
	name VARCHAR(50) NOT NULL,
	slot BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	finished_at BIGINT NOT NULL DEFAULT 0,
	status VARCHAR(20) NOT NULL,
	result LONGTEXT NOT NULL,
	error LONGTEXT NOT NULL,
	PRIMARY KEY (name, slot)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
