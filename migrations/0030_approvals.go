package migrations

// approvals is the table of uses of tools that somebody was asked about.
//
//   - code is what an answer names it by.
//   - chat_key is of platform, tenant and chat; person_key of who led to it.
//   - event_id is the event whose reply has asked.
//   - conversation is the key of the conversation that it belongs to, as JSON.
//   - request is the call, with exactly the arguments that are asked about.
//   - state is 'waiting', 'approved' or 'denied'; what waits does so until expires_at.
//   - answer_id is the event that has answered; 0 = none has.
func approvals() step {
	return step{
		name: "0030", comment: "approvals",
		up: []string{
			`CREATE TABLE IF NOT EXISTS approvals (
				id {serial},
				code {str20} NOT NULL UNIQUE,
				chat_key {hash} NOT NULL,
				person_key {hash} NOT NULL,
				event_id BIGINT NOT NULL,
				conversation {text} NOT NULL,
				request {text} NOT NULL,
				state {str20} NOT NULL,
				created_at BIGINT NOT NULL,
				expires_at BIGINT NOT NULL,
				answer_id BIGINT NOT NULL DEFAULT 0
			){table}`,
			`CREATE INDEX approvals_chat ON approvals (chat_key)`,
			`CREATE INDEX approvals_person ON approvals (person_key)`,
			`CREATE INDEX approvals_event ON approvals (event_id)`,
		},
		down: []string{"DROP TABLE IF EXISTS approvals"},
	}
}
