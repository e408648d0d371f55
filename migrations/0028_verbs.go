package migrations

// verbs keeps the buttons under a reply, so that whoever finishes it shows them.
//
//   - deliveries.verbs are their names with blanks between; ” = none, as of every
//     reply that was made before.
func verbs() step {
	return step{
		name: "0028", comment: "verbs",
		up:   []string{`ALTER TABLE deliveries ADD COLUMN verbs {str50} NOT NULL DEFAULT ''`},
		down: []string{`ALTER TABLE deliveries DROP COLUMN verbs`},
	}
}
