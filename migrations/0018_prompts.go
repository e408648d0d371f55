package migrations

// prompts keeps where a conversation's prompt begins, so that it only grows at
// its end until its window is full.
//
//   - conversations.anchor is the first message that prompts hold; 0 = the first there is.
//   - conversations.summary_end is the last message that the summary stands for;
//     0 = it is not known.
//   - messages.context_json is what models are told with the message beside its
//     content: [{"author", "text"}].
func prompts() step {
	return step{
		name: "0018", comment: "prompts",
		up: []string{
			`ALTER TABLE conversations ADD COLUMN anchor BIGINT NOT NULL DEFAULT 0`,
			`ALTER TABLE conversations ADD COLUMN summary_end BIGINT NOT NULL DEFAULT 0`,
			`ALTER TABLE messages ADD COLUMN context_json {text}`,
		},
		down: []string{
			`ALTER TABLE messages DROP COLUMN context_json`,
			`ALTER TABLE conversations DROP COLUMN summary_end`,
			`ALTER TABLE conversations DROP COLUMN anchor`,
		},
	}
}
