package turn

import (
	"maps"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/platforms"
)

// Busy says what becomes of a message that arrives while the reply to the one
// before is being made.
type Busy string

// The policies.
const (
	BusyQueue     Busy = "queue"     // one reply each, in order
	BusyCoalesce  Busy = "coalesce"  // those that wait are answered together
	BusyInterrupt Busy = "interrupt" // the running reply is stopped and answered with the next
)

// Group returns how many of a lane's oldest events one turn answers together:
// with coalesce consecutive messages of one sender that want their reply at
// one address. Commands keep their place and their own answer.
func Group(busy Busy, isCommand func(*platforms.Event) bool) func([]inbox.Event) int {
	return func(events []inbox.Event) int {
		lead := &events[0].Event
		if busy == BusyQueue || isCommand(lead) {
			return 1
		}
		n := 1
		for n < len(events) && together(lead, &events[n]) && !isCommand(&events[n].Event) {
			n++
		}
		return n
	}
}

func together(lead *platforms.Event, next *inbox.Event) bool {
	e := &next.Event
	return next.DeliveryID == 0 && e.SenderID == lead.SenderID && e.Platform == lead.Platform &&
		sameAddress(lead.ReplyTo, e.ReplyTo)
}

// sameAddress compares where replies go. Which message is answered differs by
// nature, as does what the adapter keeps beside; of private answers that is the
// way to who asked.
func sameAddress(a, b platforms.Address) bool {
	return a.Tenant == b.Tenant && a.ChatID == b.ChatID && a.ThreadID == b.ThreadID &&
		a.UserID == b.UserID && a.UserKey == b.UserKey && a.Private == b.Private &&
		(!a.Private || maps.Equal(a.Extra, b.Extra))
}
