package migrations

// memory holds facts, scores and use counters.
//
//   - place, person, author, giver, board, tenant, effect: SHA-256 of
//     length-prefixed parts (database.Hash).
//   - memory_fact_lines is what a search reads: a line for each fact, in at most
//     64 rows for a place, since reading 10,000 rows takes longer than comparing them.
//   - memory_scores.board names the place, the board and one day, week, month
//     or all time; ends is when that is over, 0 = never.
//   - memory_effects are the changes that must not be made twice; results is
//     empty where all were made.
//   - times are microseconds since 1970.
func memory() step {
	return step{
		name: "0003", comment: "memory",
		up: []string{
			`CREATE TABLE IF NOT EXISTS memory_facts (
				place {hash} NOT NULL,
				fact {hash} NOT NULL,
				remembered_at BIGINT NOT NULL,
				fact_key {str255} NOT NULL,
				value {text} NOT NULL,
				author {hash},
				PRIMARY KEY (place, fact)
			){clustered}`,
			`CREATE INDEX memory_facts_author ON memory_facts (author){where author IS NOT NULL}`,
			`CREATE TABLE IF NOT EXISTS memory_fact_lines (
				place {hash} NOT NULL,
				shard BIGINT NOT NULL,
				facts BIGINT NOT NULL,
				content {text} NOT NULL,
				PRIMARY KEY (place, shard)
			){table}`,

			`CREATE TABLE IF NOT EXISTS memory_scores (
				board {hash} NOT NULL,
				person {hash} NOT NULL,
				place {hash} NOT NULL,
				points BIGINT NOT NULL,
				name {str255} NOT NULL,
				ends BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (board, person)
			){clustered}`,
			`CREATE INDEX memory_scores_leaders ON memory_scores (board, points DESC, name)`,
			`CREATE INDEX memory_scores_person ON memory_scores (person)`,
			`CREATE INDEX memory_scores_place ON memory_scores (place)`,
			`CREATE INDEX memory_scores_ends ON memory_scores (ends){where ends > 0}`,

			`CREATE TABLE IF NOT EXISTS memory_reasons (
				place {hash} NOT NULL,
				person {hash} NOT NULL,
				given_at BIGINT NOT NULL,
				effect {hash} NOT NULL,
				giver {hash} NOT NULL,
				reason {text} NOT NULL,
				PRIMARY KEY (place, person, given_at, effect)
			){clustered}`,
			`CREATE INDEX memory_reasons_person ON memory_reasons (person)`,
			`CREATE INDEX memory_reasons_giver ON memory_reasons (giver)`,

			`CREATE TABLE IF NOT EXISTS memory_commands (
				tenant {hash} NOT NULL,
				name {str50} NOT NULL,
				uses BIGINT NOT NULL,
				PRIMARY KEY (tenant, name)
			){clustered}`,

			`CREATE TABLE IF NOT EXISTS memory_effects (
				effect {hash} NOT NULL PRIMARY KEY,
				made_at BIGINT NOT NULL,
				results {text} NOT NULL
			){clustered}`,
			`CREATE INDEX memory_effects_age ON memory_effects (made_at)`,
		},
		down: []string{
			"DROP TABLE IF EXISTS memory_effects", "DROP TABLE IF EXISTS memory_commands",
			"DROP TABLE IF EXISTS memory_reasons", "DROP TABLE IF EXISTS memory_scores",
			"DROP TABLE IF EXISTS memory_fact_lines", "DROP TABLE IF EXISTS memory_facts",
		},
	}
}
