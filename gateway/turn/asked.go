package turn

import (
	"slices"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
)

// given divides what the model is given into the history and what it is to
// answer, so that each message is there once. Messages of the events asked
// about may be stored already, by a turn that was interrupted or by one before
// a replay.
func given(history, user []conversation.Message, w *inbox.Work) (before, ask []conversation.Message) {
	first := slices.IndexFunc(history, func(m conversation.Message) bool { return eventOf(w, m) >= 0 })
	if first < 0 {
		return history, user
	}
	tail := history[first:]
	if w.Isolation() != inbox.Normal && unanswered(tail) { // what it was to be answered with waits for its own turn
		return history[:first], user
	}
	if !interruptedOnly(w, tail) { // replayed: others have been answered since
		return slices.DeleteFunc(history, func(m conversation.Message) bool { return eventOf(w, m) >= 0 }), user
	}
	stored := map[int]bool{}
	for _, m := range tail {
		stored[eventOf(w, m)] = true
	}
	lead := eventOf(w, tail[0])
	for i := range user {
		if i == lead {
			ask = append(ask, tail...)
		}
		if !stored[i] {
			ask = append(ask, user[i])
		}
	}
	// In quarantine it is answered alone, without what its reply was stopped for.
	for len(ask) > 0 && ask[len(ask)-1].Role != conversation.RoleUser {
		ask = ask[:len(ask)-1]
	}
	return history[:first], ask
}

// unanswered reports whether messages hold no reply but stopped ones.
func unanswered(messages []conversation.Message) bool {
	return !slices.ContainsFunc(messages, func(m conversation.Message) bool {
		return m.Role != conversation.RoleUser && !m.Interrupted()
	})
}

// interruptedOnly reports whether messages are those of the events and stopped
// replies to them.
func interruptedOnly(w *inbox.Work, messages []conversation.Message) bool {
	return !slices.ContainsFunc(messages, func(m conversation.Message) bool {
		return eventOf(w, m) < 0 && !m.Interrupted()
	})
}

// eventOf returns which of the events a stored message is, -1 when none.
func eventOf(w *inbox.Work, m conversation.Message) int {
	id, _ := m.Metadata[message.MetaEventID].(string)
	if id == "" || m.Role != conversation.RoleUser {
		return -1
	}
	return slices.IndexFunc(w.Events, func(e inbox.Event) bool { return e.ConversationID != 0 && e.Event.ID == id })
}
