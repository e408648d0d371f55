package conversation

import (
	"maps"
	"slices"
)

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
	turn := pairTools(w.turn)
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

// pairTools returns a turn without tool results that have no call before them
// and without calls that got no result: a model's provider refuses both. The
// text of an assistant's message stays when its calls go.
func pairTools(turn []Message) []Message {
	type call struct{ message, n int }
	open := map[string]call{}
	answered := map[call]bool{}
	orphan := map[int]bool{}
	for i := range turn {
		for n, id := range callIDs(&turn[i]) {
			open[id] = call{i, n}
		}
		if turn[i].Role != RoleTool {
			continue
		}
		id, _ := turn[i].Metadata[metaToolCallID].(string)
		if c, ok := open[id]; ok {
			answered[c] = true
			delete(open, id) // a second result has no call
		} else {
			orphan[i] = true
		}
	}
	kept := make([]Message, 0, len(turn))
	for i, msg := range turn {
		if orphan[i] {
			continue
		}
		if _, has := msg.Metadata[metaToolCalls]; has && msg.Role == RoleAssistant {
			msg = keepCalls(msg, func(n int) bool { return answered[call{i, n}] })
			if _, still := msg.Metadata[metaToolCalls]; !still && msg.Content == "" {
				continue
			}
		}
		kept = append(kept, msg)
	}
	return kept
}

// callIDs returns the ids of the tool calls of an assistant's message; a call
// without an id has "".
func callIDs(msg *Message) []string {
	calls, _ := msg.Metadata[metaToolCalls].([]any)
	if msg.Role != RoleAssistant || len(calls) == 0 {
		return nil
	}
	ids := make([]string, len(calls))
	for i, c := range calls {
		fields, _ := c.(map[string]any)
		ids[i], _ = fields["id"].(string)
	}
	return ids
}

// keepCalls returns msg with only those tool calls that keep allows.
func keepCalls(msg Message, keep func(n int) bool) Message {
	calls, _ := msg.Metadata[metaToolCalls].([]any)
	var left []any
	for n, c := range calls {
		if keep(n) {
			left = append(left, c)
		}
	}
	if len(left) == len(calls) && len(left) > 0 {
		return msg
	}
	msg.Metadata = maps.Clone(msg.Metadata)
	if len(left) == 0 {
		delete(msg.Metadata, metaToolCalls)
	} else {
		msg.Metadata[metaToolCalls] = left
	}
	return msg
}
