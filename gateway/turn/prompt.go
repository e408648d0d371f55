package turn

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// prompt returns what somebody's question in a conversation is put with: the
// model and persona, the history as it was given before. conv is empty when the
// conversation begins.
func (r *Runner) prompt(ctx context.Context, key conversation.Key, conv *conversation.Conversation, who memory.Person) (ai.Ask, error) {
	ask := ai.Ask{
		Summary: conv.Summary, Foreign: conv.SummaryForeign, MaxTurns: r.o.HistoryTurns,
		CacheKey: fmt.Sprintf("%x", key.Identity()[:16]), Room: key.UserKey == platforms.RoomKey(key.Platform),
	}
	var err error
	if ask.Model, ask.System, err = r.o.Profile.Of(ctx, who, conv.Model, conv.Persona); err != nil {
		return ask, fmt.Errorf("choose the model: %w", err)
	}
	if conv.ID == 0 {
		return ask, nil
	}
	if ask.History, ask.Partial, err = r.o.Store.LoadContext(ctx, conv.ID, conv.Anchor, r.historyBytes()); err != nil {
		return ask, fmt.Errorf("load the history: %w", err)
	}
	ask.History = slices.DeleteFunc(ask.History, func(m conversation.Message) bool { return m.Replaced() })
	if ask.Partial || r.mayBeFull(ask.History) {
		next, err := r.o.Store.NextSummary(ctx, conv.ID)
		if err != nil {
			return ask, fmt.Errorf("load the next summary: %w", err)
		}
		ask.Next = ai.Summary(next)
	}
	return ask, nil
}

// putQuestion puts what is to be answered into ask: user, with what they quote, what
// was said above them and what their files hold, or what was asked before, where
// its reply is to be made again. Reading ends with watched.
func (r *Runner) putQuestion(ctx, watched context.Context, t *task, ask *ai.Ask, user []conversation.Message) (err error) {
	if t.again != 0 {
		ask.History, ask.New, err = askedBefore(ask.History, t.again)
		return err
	}
	r.quote(ctx, t, user)
	r.above(ctx, t, user, ask.History)
	files, err := r.readFiles(watched, t, ask.Model, user)
	if err != nil && watched.Err() == nil {
		return err
	}
	ask.History, ask.New = given(ask.History, user, t.Work)
	ask.New, ask.Images = files.put(ask.New, user), files.images
	return nil
}

// mayBeFull reports whether messages can fill half of the window: no text has more
// tokens than bytes.
func (r *Runner) mayBeFull(history []conversation.Message) bool {
	bytes := 0
	for i := range history {
		bytes += len(history[i].Content)
	}
	return bytes > r.o.HistoryTokens/2
}

// Asked returns what the last turn of a conversation was, or is to be, answered from.
func (r *Runner) Asked(ctx context.Context, conv *conversation.Conversation) (ai.Ask, error) {
	who := memory.Person{Tenant: conv.Tenant, Platform: conv.Platform, SenderID: message.SenderOf(conv.UserKey)}
	ask, err := r.prompt(ctx, conv.Key(), conv, who)
	if err != nil {
		return ask, err
	}
	last := len(ask.History)
	for last > 0 && (last == len(ask.History) || ask.History[last].Role != conversation.RoleUser) {
		last--
	}
	ask.History, ask.New = ask.History[:last], ask.History[last:]
	if !ask.Room || len(ask.New) == 0 || ask.New[0].Author == "" {
		return ask, nil
	}
	who.SenderID = message.SenderOf(ask.New[0].Author)
	ask.Model, ask.System, err = r.o.Profile.Of(ctx, who, conv.Model, conv.Persona)
	return ask, err
}

const (
	// tokenBytes is more than a token takes in any text that people write.
	tokenBytes = 64
	// leastHistory is how many bytes of history are read however small the window.
	leastHistory = 1 << 20
)

// historyBytes is how much text is read for the window, whatever the tokens say
// that were counted of it; 0 = all.
func (r *Runner) historyBytes() int {
	if r.o.HistoryTokens == 0 {
		return 0
	}
	return max(leastHistory, r.o.MaxReply, tokenBytes*r.o.HistoryTokens)
}

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
