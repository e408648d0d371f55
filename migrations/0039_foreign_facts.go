package migrations

// foreignFacts keeps whether a model has remembered a fact from words of others than
// who asked it.
//
//   - memory_facts.is_foreign is 1 where it may have. What was remembered before counts as
//     the author's own: most of it is, and of the rest nobody knows.
func foreignFacts() step {
	return step{
		name: "0039", comment: "foreign facts",
		up:   []string{`ALTER TABLE memory_facts ADD COLUMN is_foreign BIGINT NOT NULL DEFAULT 0`},
		down: []string{`ALTER TABLE memory_facts DROP COLUMN is_foreign`},
	}
}
