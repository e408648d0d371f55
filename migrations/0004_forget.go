package migrations

// forget is the table of what people have asked to be erased.
//
//   - state asked: at is when the person was told what would be erased.
//   - state erase: at is when it was confirmed by the event event_id, whose row
//     still says who it is; data holds the ids of hidden conversations whose rows
//     are to be removed.
//   - state tokens: at is when the budget's period ends and the counts under the
//     hashes in data go; person then says nothing.
func forget() step {
	return step{
		name: "0004", comment: "forget",
		up: []string{
			`CREATE TABLE IF NOT EXISTS erasures (
				id {serial},
				person {hash} NOT NULL,
				state {str20} NOT NULL,
				at BIGINT NOT NULL,
				event_id BIGINT NOT NULL,
				data {text} NOT NULL
			){table}`,
			`CREATE INDEX erasures_person ON erasures (person, state)`,
		},
		down: []string{"DROP TABLE IF EXISTS erasures"},
	}
}
