package migrations

// toolPins are the tables of what tools of other servers say of themselves.
//
//   - tool_servers has a row of each server that was ever seen.
//   - tool_pins.pin is the hash of what is approved: name, description and input
//     schema; "" for a tool that never was. waiting is the hash of what the server
//     says in its place, "" where that is the same.
func toolPins() step {
	return step{
		name: "0031", comment: "tool pins",
		up: []string{
			`CREATE TABLE IF NOT EXISTS tool_servers (
				server {str50} NOT NULL PRIMARY KEY,
				seen_at BIGINT NOT NULL
			){clustered}`,
			`CREATE TABLE IF NOT EXISTS tool_pins (
				server {str50} NOT NULL,
				name {str128} NOT NULL,
				pin {str64} NOT NULL,
				description {text} NOT NULL,
				input {text} NOT NULL,
				waiting {str64} NOT NULL,
				waiting_description {text} NOT NULL,
				waiting_input {text} NOT NULL,
				changed_at BIGINT NOT NULL,
				PRIMARY KEY (server, name)
			){clustered}`,
		},
		down: []string{"DROP TABLE IF EXISTS tool_pins", "DROP TABLE IF EXISTS tool_servers"},
	}
}
