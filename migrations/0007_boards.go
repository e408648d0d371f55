package migrations

// boards puts, on SQLite, the scores of one person in one place next to each
// other, and the boards of one place. Each message counts on eight boards; with
// the board first in both trees, whose hash is anywhere, that was sixteen pages
// for a turn. On the servers, where a replica of the version before may still
// run, the key stays what that one names in its statements.
func boards() step {
	const fill = ` (place, person, board, points, name, ends) SELECT place, person, board, points, name, ends FROM memory_scores}`
	return step{
		name: "0007", comment: "boards",
		up: []string{
			`{sqlite CREATE TABLE memory_scores_new (
				place BLOB NOT NULL, person BLOB NOT NULL, board BLOB NOT NULL,
				points BIGINT NOT NULL, name TEXT NOT NULL, ends BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (place, person, board)) WITHOUT ROWID}`,
			`{sqlite INSERT INTO memory_scores_new` + fill,
			`{sqlite DROP TABLE memory_scores}`,
			`{sqlite ALTER TABLE memory_scores_new RENAME TO memory_scores}`,
			`{sqlite CREATE INDEX memory_scores_leaders ON memory_scores (place, board, points DESC, name)}`,
			`{sqlite CREATE INDEX memory_scores_person ON memory_scores (person)}`,
			`{sqlite CREATE INDEX memory_scores_ends ON memory_scores (ends) WHERE ends > 0}`,
		},
		down: []string{
			`{sqlite CREATE TABLE memory_scores_old (
				board BLOB NOT NULL, person BLOB NOT NULL, place BLOB NOT NULL,
				points BIGINT NOT NULL, name TEXT NOT NULL, ends BIGINT NOT NULL DEFAULT 0,
				PRIMARY KEY (board, person)) WITHOUT ROWID}`,
			`{sqlite INSERT INTO memory_scores_old` + fill,
			`{sqlite DROP TABLE memory_scores}`,
			`{sqlite ALTER TABLE memory_scores_old RENAME TO memory_scores}`,
			`{sqlite CREATE INDEX memory_scores_leaders ON memory_scores (board, points DESC, name)}`,
			`{sqlite CREATE INDEX memory_scores_person ON memory_scores (person)}`,
			`{sqlite CREATE INDEX memory_scores_place ON memory_scores (place)}`,
			`{sqlite CREATE INDEX memory_scores_ends ON memory_scores (ends) WHERE ends > 0}`,
		},
	}
}
