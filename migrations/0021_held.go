package migrations

// held tells what a platform holds back from what has failed, and lets a reply
// begin before it is whole.
//
//   - events.attempts counts every try from now on, and events.failures those
//     that gateway.max_attempts bounds.
//   - events.called_off is who ends the event before its reply is complete:
//     'retracted' or 'stopped'; ” = nobody.
//   - delivery_parts.handle is by what the platform knows a message that grows;
//     '?' while it is not known whether there is one, ” where none is.
//   - delivery_parts.takes is how often such a message was taken up.
//
// By a message's id on its platform one finds the reply that it belongs to.
func held() step {
	return step{
		name: "0021", comment: "held",
		up: []string{
			`ALTER TABLE events ADD COLUMN failures BIGINT NOT NULL DEFAULT 0`,
			`ALTER TABLE events ADD COLUMN called_off {str20} NOT NULL DEFAULT ''`,
			`UPDATE events SET failures = attempts WHERE attempts > 0`,
			`ALTER TABLE delivery_parts ADD COLUMN handle {str255} NOT NULL DEFAULT ''`,
			`ALTER TABLE delivery_parts ADD COLUMN takes BIGINT NOT NULL DEFAULT 0`,
			`CREATE INDEX delivery_parts_shown ON delivery_parts (platform_id){where platform_id <> ''}`,
		},
		down: []string{
			`{mysql ALTER TABLE delivery_parts DROP INDEX delivery_parts_shown}`,
			`{sqlite DROP INDEX IF EXISTS delivery_parts_shown}`,
			`{postgres DROP INDEX IF EXISTS delivery_parts_shown}`,
			`ALTER TABLE delivery_parts DROP COLUMN takes`,
			`ALTER TABLE delivery_parts DROP COLUMN handle`,
			`UPDATE events SET attempts = failures WHERE attempts <> failures`,
			`ALTER TABLE events DROP COLUMN called_off`,
			`ALTER TABLE events DROP COLUMN failures`,
		},
	}
}
