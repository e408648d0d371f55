package migrations

// suspects lets the ledger remember which conversations were being answered
// when their process died.
//
//   - lanes.queue of a suspect is its queue's name with "!" at the end, where
//     workers do not look for their everyday work.
//   - lanes.crashes is how often a process has died since while it answered
//     this lane's oldest event as a suspect; 0 for every other lane.
func suspects() step {
	return step{
		name: "0005", comment: "suspects",
		up:   []string{`ALTER TABLE lanes ADD COLUMN crashes BIGINT NOT NULL DEFAULT 0`},
		down: []string{`ALTER TABLE lanes DROP COLUMN crashes`},
	}
}
