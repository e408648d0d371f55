package conversation

import "slices"

// window collects turns from the newest message backwards until a limit is reached.
type window struct {
	limits   HistoryOptions
	maxBytes int       // of all texts together; 0 = no limit
	turn     []Message // of the turn being read, newest first
	kept     []Message // of whole turns, newest first
	turns    int
	tokens   int64
	bytes    int
	reading  int  // bytes of the turn being read
	complete bool // older messages change nothing
}

// add takes the next older message.
func (w *window) add(msg Message) {
	if w.complete {
		return
	}
	w.turn = append(w.turn, msg)
	w.reading += len(msg.Content)
	endless := w.maxBytes > 0 && w.reading > w.maxBytes
	if msg.Role == RoleUser || endless {
		w.endTurn()
	}
	w.complete = w.complete || endless
}

// endTurn keeps the turn that was read when the limits allow it.
func (w *window) endTurn() {
	slices.Reverse(w.turn)
	turn := PairTools(w.turn, false)
	size := w.reading
	w.turn, w.reading = w.turn[:0], 0
	if len(turn) == 0 || w.complete {
		return
	}
	var tokens int64
	for i := range turn {
		tokens += turn[i].Tokens
	}
	limit := int64(w.limits.MaxTokens)
	if w.turns > 0 && (limit > 0 && w.tokens+tokens > limit || w.maxBytes > 0 && w.bytes+size > w.maxBytes) {
		w.complete = true
		return
	}
	w.turns++
	w.tokens += tokens
	w.bytes += size
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
