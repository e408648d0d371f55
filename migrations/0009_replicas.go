package migrations

// replicasTable is the table of the servers that run on this database now.
//
//   - seen_at goes up while one runs; who has not been seen for a while is gone.
//     Both times are the database's.
func replicasTable() step {
	return step{
		name: "0009", comment: "replicas",
		up: []string{
			`CREATE TABLE IF NOT EXISTS replicas (
				id {str50} NOT NULL PRIMARY KEY,
				version {str255} NOT NULL,
				started_at BIGINT NOT NULL,
				seen_at BIGINT NOT NULL
			){clustered}`,
		},
		down: []string{"DROP TABLE IF EXISTS replicas"},
	}
}
