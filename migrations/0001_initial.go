package migrations

// initial is the first schema.
//
//   - identity, lane_key, …_key: SHA-256 of length-prefixed parts (database.Hash).
//   - messages.id counts up within its conversation and is never used again;
//     those below conversations.first_id are cleared and wait for removal.
//   - conversations.visible is 0 while one is being imported or deleted.
//   - times of public tables are timestamps in UTC; the ledger's are
//     microseconds since 1970, by the database's clock where they are compared
//     across replicas.
//   - lanes.ready_at is when a lane may be claimed: now for waiting work, the
//     end of the wait for failed work, the end of the lease for claimed work,
//     NULL when nothing is to be done.
//   - deliveries.id is the id of the oldest event that the reply answers.
func initial() step {
	return step{
		name: "0001", comment: "initial",
		up: []string{
			`CREATE TABLE IF NOT EXISTS conversations (
				id {serial},
				identity {hash} NOT NULL,
				user_key {str1024} NOT NULL,
				platform {str50} NOT NULL,
				chat_id {str255} NOT NULL DEFAULT '',
				tenant {str255} NOT NULL DEFAULT '',
				thread_id {str255} NOT NULL DEFAULT '',
				created_at {time} NOT NULL,
				last_activity {time} NOT NULL,
				summary {text},
				total_tokens BIGINT NOT NULL DEFAULT 0,
				message_count BIGINT NOT NULL DEFAULT 0,
				model {str255} NOT NULL DEFAULT '',
				persona {str255} NOT NULL DEFAULT '',
				first_id BIGINT NOT NULL DEFAULT 1,
				next_id BIGINT NOT NULL DEFAULT 1,
				visible SMALLINT NOT NULL DEFAULT 1
			){table}`,
			`CREATE UNIQUE INDEX conversations_identity ON conversations (identity)`,
			`CREATE INDEX conversations_user ON conversations (user_key{prefix}, last_activity)`,
			`CREATE INDEX conversations_activity ON conversations (last_activity, id)`,
			`CREATE INDEX conversations_tenant ON conversations (tenant)`,

			`CREATE TABLE IF NOT EXISTS messages (
				conversation_id BIGINT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
				id BIGINT NOT NULL,
				role {str20} NOT NULL,
				author {str1024} NOT NULL DEFAULT '',
				content {text} NOT NULL,
				timestamp {time} NOT NULL,
				tokens BIGINT NOT NULL DEFAULT 0,
				metadata_json {text},
				is_command SMALLINT NOT NULL DEFAULT 0,
				PRIMARY KEY (conversation_id, id)
			){clustered}`,

			`CREATE TABLE IF NOT EXISTS token_ledger (
				user_hash {hash} NOT NULL,
				at BIGINT NOT NULL,
				tokens BIGINT NOT NULL,
				PRIMARY KEY (user_hash, at)
			){clustered}`,

			`CREATE TABLE IF NOT EXISTS user_preferences (
				id {hash} NOT NULL PRIMARY KEY,
				person {hash} NOT NULL,
				tenant {str255} NOT NULL DEFAULT '',
				platform {str50} NOT NULL,
				sender_id {str255} NOT NULL,
				pref_key {str255} NOT NULL,
				value {text} NOT NULL,
				created_at {time} NOT NULL,
				updated_at {time} NOT NULL
			){table}`,
			`CREATE INDEX user_preferences_person ON user_preferences (person)`,

			`CREATE TABLE IF NOT EXISTS people (
				person {hash} NOT NULL PRIMARY KEY,
				tenant {str255} NOT NULL DEFAULT '',
				platform {str50} NOT NULL,
				sender_id {str255} NOT NULL,
				name {str255} NOT NULL DEFAULT '',
				first_seen BIGINT NOT NULL
			){clustered}`,
			`CREATE INDEX people_tenant ON people (tenant)`,

			`CREATE TABLE IF NOT EXISTS lanes (
				lane_key {hash} NOT NULL PRIMARY KEY,
				queue {str50} NOT NULL DEFAULT '',
				ready_at BIGINT,
				lease_owner {str255} NOT NULL DEFAULT '',
				lease_no BIGINT NOT NULL DEFAULT 0,
				updated_at BIGINT NOT NULL
			){clustered}`,
			`CREATE INDEX lanes_ready ON lanes (queue, ready_at){where ready_at IS NOT NULL}`,

			`CREATE TABLE IF NOT EXISTS events (
				id {serial},
				event_key {hash} NOT NULL,
				message_key {hash},
				lane_key {hash} NOT NULL,
				platform {str50} NOT NULL,
				tenant {str255} NOT NULL DEFAULT '',
				event_id {str255} NOT NULL,
				user_key {str1024} NOT NULL,
				body {text} NOT NULL,
				status {str20} NOT NULL,
				error {text} NOT NULL,
				attempts BIGINT NOT NULL DEFAULT 0,
				conversation_id BIGINT,
				delivery_id BIGINT,
				received_at BIGINT NOT NULL,
				updated_at BIGINT NOT NULL,
				next_attempt_at BIGINT NOT NULL DEFAULT 0,
				steps {text} NOT NULL
			){table}`,
			`CREATE UNIQUE INDEX events_event_key ON events (event_id, event_key)`,
			`CREATE UNIQUE INDEX events_message_key ON events (message_key){where message_key IS NOT NULL}`,
			`CREATE INDEX events_open ON events (lane_key, id){where status IN ('received','running','failed')}`,
			`CREATE INDEX events_odd ON events (status, id){where status IN ('failed','dead','discarded','ignored')}`,

			`CREATE TABLE IF NOT EXISTS deliveries (
				id BIGINT NOT NULL PRIMARY KEY,
				lane_key {hash} NOT NULL,
				platform {str50} NOT NULL,
				address {text} NOT NULL,
				text {text} NOT NULL,
				state {str20} NOT NULL,
				outcome {str20} NOT NULL,
				error {text} NOT NULL,
				message_id BIGINT NOT NULL DEFAULT 0,
				tokens BIGINT NOT NULL DEFAULT 0,
				created_at BIGINT NOT NULL,
				updated_at BIGINT NOT NULL
			){table}`,
			`CREATE TABLE IF NOT EXISTS delivery_parts (
				delivery_id BIGINT NOT NULL,
				n BIGINT NOT NULL,
				part_key {str50} NOT NULL,
				text {text} NOT NULL,
				state {str20} NOT NULL,
				platform_id {str255} NOT NULL DEFAULT '',
				tried_at BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (delivery_id, n)
			){clustered}`,

			`CREATE TABLE IF NOT EXISTS usage_daily (
				day {str20} NOT NULL,
				model {str255} NOT NULL,
				prompt_tokens BIGINT NOT NULL,
				completion_tokens BIGINT NOT NULL,
				calls BIGINT NOT NULL,
				PRIMARY KEY (day, model)
			){clustered}`,

			`CREATE TABLE IF NOT EXISTS job_runs (
				name {str50} NOT NULL,
				slot BIGINT NOT NULL,
				started_at BIGINT NOT NULL,
				finished_at BIGINT NOT NULL DEFAULT 0,
				status {str20} NOT NULL,
				result {text} NOT NULL,
				error {text} NOT NULL,
				PRIMARY KEY (name, slot)
			){clustered}`,
		},
		down: []string{
			"DROP TABLE IF EXISTS job_runs", "DROP TABLE IF EXISTS usage_daily",
			"DROP TABLE IF EXISTS delivery_parts", "DROP TABLE IF EXISTS deliveries",
			"DROP TABLE IF EXISTS events", "DROP TABLE IF EXISTS lanes",
			"DROP TABLE IF EXISTS people", "DROP TABLE IF EXISTS user_preferences",
			"DROP TABLE IF EXISTS token_ledger", "DROP TABLE IF EXISTS messages",
			"DROP TABLE IF EXISTS conversations",
		},
	}
}
