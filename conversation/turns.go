package conversation

import (
	"slices"

	"github.com/parley-bot/parley/conversation/message"
)

// window collects turns from the newest message backwards until a limit is reached.
type window struct {
	limits   HistoryOptions
	turn     []Message // of the turn being read, newest first
	kept     []Message // of whole turns, newest first
	turns    int
	tokens   int64
	complete bool // older messages change nothing
}

// add takes the next older message.
func (w *window) add(msg Message) {
	if w.complete {
		return
	}
	w.turn = append(w.turn, msg)
	if msg.Role == RoleUser {
		w.endTurn()
	}
}

// endTurn keeps the turn that was read when the limits allow it.
func (w *window) endTurn() {
	slices.Reverse(w.turn)
	turn := message.PairTools(w.turn, false)
	w.turn = w.turn[:0]
	if len(turn) == 0 || w.complete {
		return
	}
	var tokens int64
	for i := range turn {
		tokens += turn[i].Tokens
	}
	limit := int64(w.limits.MaxTokens)
	if w.turns > 0 && limit > 0 && w.tokens+tokens > limit {
		w.complete = true
		return
	}
	w.turns++
	w.tokens += tokens
	for i := range slices.Backward(turn) {
		w.kept = append(w.kept, turn[i])
	}
	w.complete = w.turns == w.limits.MaxTurns || (limit > 0 && w.tokens >= limit)
}

// messages returns what is kept, oldest first.
func (w *window) messages() []Message {
	slices.Reverse(w.kept)
	return w.kept
}
