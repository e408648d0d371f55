package migrations

// turnSteps is the table of what a turn has done while its reply is not made
// yet: what a model has answered that wants tools, and what came of each use.
//
//   - event_id is the oldest event that the turn answers.
//   - n counts them. The uses that an answer asks for stand behind it, each at
//     its place; one that has not begun has no row.
//   - kind is 'answer' or 'call'.
//   - request is the call; of an answer what the keys of its calls begin with.
//   - result is the answer, or what the model is told of the call; quotes is 1
//     where that holds what others said.
//   - state is 'started' (nobody knows whether it happened) or 'done'.
func turnSteps() step {
	return step{
		name: "0029", comment: "turn_steps",
		up: []string{
			`CREATE TABLE IF NOT EXISTS turn_steps (
				event_id BIGINT NOT NULL,
				n BIGINT NOT NULL,
				kind {str20} NOT NULL,
				request {text} NOT NULL,
				result {text} NOT NULL,
				quotes SMALLINT NOT NULL DEFAULT 0,
				state {str20} NOT NULL,
				tokens BIGINT NOT NULL DEFAULT 0,
				updated_at BIGINT NOT NULL,
				PRIMARY KEY (event_id, n)
			){clustered}`,
		},
		down: []string{"DROP TABLE IF EXISTS turn_steps"},
	}
}
