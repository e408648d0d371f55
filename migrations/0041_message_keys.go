package migrations

// MessageKeys is the number of the migration since which the key of a message begins
// with its own id.
const MessageKeys = "0041"

// messageKeys changes nothing: it marks the time from which events.message_key is of
// that form. What is older keeps its key and is looked for by it.
func messageKeys() step {
	return step{name: MessageKeys, comment: "message keys"}
}
