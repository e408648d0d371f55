package gateway

// The states that a program sees of an event (see the generic platform).
const (
	StatusAccepted  = "accepted"
	StatusRunning   = "running"
	StatusCompleted = "completed"
	StatusIgnored   = "ignored"
	StatusFailed    = "failed" // will be tried again
	StatusDead      = "dead"
)

// Status is what a program may know of an event.
type Status struct {
	EventID string       `json:"event_id"`
	UserKey string       `json:"user_key"`
	Status  string       `json:"status"`
	Reply   *Reply       `json:"reply"`
	Error   *StatusError `json:"error"`
}

// Reply is the answer to an event.
type Reply struct {
	Text      string `json:"text"`
	MessageID int64  `json:"message_id"` // in its conversation; 0 when the answer is not kept
	Tokens    int64  `json:"tokens"`     // of the completion
}

// StatusError says in one plain sentence why there is no reply.
type StatusError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Final reports whether the status changes no more by itself.
func (s Status) Final() bool {
	switch s.Status {
	case StatusCompleted, StatusIgnored, StatusDead:
		return true
	}
	return false
}
