package inbox

// Accepted says that an event is durably stored.
type Accepted struct {
	ID        int64 // ours
	Platform  string
	EventID   string // the platform's
	UserKey   string
	Duplicate bool // it was there already; nothing was added
}
