package migrations

// messageBlocks keeps what a search looks through instead of the messages.
//
//   - message_blocks.block counts ranges of 256 ids of a conversation, from 0.
//   - message_blocks.packed is described in conversation/recall/block.go.
func messageBlocks() step {
	return step{
		name: "0020", comment: "blocks",
		up: []string{
			`CREATE TABLE IF NOT EXISTS message_blocks (
				conversation_id BIGINT NOT NULL,
				block BIGINT NOT NULL,
				packed {bytes} NOT NULL,
				PRIMARY KEY (conversation_id, block)
			){table}`,
		},
		down: []string{"DROP TABLE IF EXISTS message_blocks"},
	}
}
