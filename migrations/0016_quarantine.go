package migrations

// quarantine has one column say how far a lane is kept apart, instead of a mark
// on its queue's name, and puts it into the index by which lanes are claimed.
//
//   - lanes.crashes is how often a process has died over the lane's oldest event.
//   - lanes.queue is "" for the server and the terminal's name for `parley chat`.
func quarantine() step {
	return step{
		name: "0016", comment: "quarantine",
		up: append([]string{
			`UPDATE lanes SET queue = SUBSTR(queue, 1, LENGTH(queue) - 1), crashes = crashes + 1 WHERE queue LIKE '%!'`,
		}, indexLanes("queue, crashes, ready_at")...),
		down: append([]string{
			`UPDATE lanes SET queue = CONCAT(queue, '!'), crashes = crashes - 1 WHERE crashes > 0 AND queue NOT LIKE '%!'`,
		}, indexLanes("queue, ready_at")...),
	}
}

// indexLanes makes the index by which lanes are claimed one of other columns.
func indexLanes(columns string) []string {
	const create = `CREATE INDEX lanes_ready ON lanes (`
	return []string{
		`{mysql ALTER TABLE lanes DROP INDEX lanes_ready, ADD INDEX lanes_ready (` + columns + `)}`,
		`{sqlite DROP INDEX IF EXISTS lanes_ready}`,
		`{sqlite ` + create + columns + `) WHERE ready_at IS NOT NULL}`,
		`{postgres DROP INDEX IF EXISTS lanes_ready}`,
		`{postgres ` + create + columns + `) WHERE ready_at IS NOT NULL}`,
	}
}
