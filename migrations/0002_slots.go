package migrations

// slots gives SQLite its own form of two indexes, so that the intake pays
// little for them. New open events go to a few pages of the newest slot instead
// of one page for each conversation: gateway/inbox says how they are found
// again. And a condition with IN costs a temporary table for each new row.
func slots() step {
	return step{
		name: "0002", comment: "slots",
		up: []string{
			`{sqlite DROP INDEX IF EXISTS events_open}`,
			`{sqlite DROP INDEX IF EXISTS events_odd}`,
			`{sqlite CREATE INDEX events_open ON events (id >> 10, lane_key)
				WHERE status = 'received' OR status = 'running' OR status = 'failed'}`,
			`{sqlite CREATE INDEX events_odd ON events (status, id)
				WHERE status = 'failed' OR status = 'dead' OR status = 'discarded' OR status = 'ignored'}`,
		},
		down: []string{
			`{sqlite DROP INDEX IF EXISTS events_open}`,
			`{sqlite DROP INDEX IF EXISTS events_odd}`,
			`{sqlite CREATE INDEX events_open ON events (lane_key, id) WHERE status IN ('received','running','failed')}`,
			`{sqlite CREATE INDEX events_odd ON events (status, id) WHERE status IN ('failed','dead','discarded','ignored')}`,
		},
	}
}
