package turn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// reply is an answer ready to become true in one commit.
type reply struct {
	text    string
	file    *outbox.File // shown in place of text; nil = text is shown
	outcome outbox.Outcome
	reason  string // with outbox.Dead
	detail  string // for the ledger
	user    []conversation.Message
	bot     *conversation.Message // nil: the answer is not kept
	usage   *ai.Response          // nil: no model was called

	isCommand bool
	command   string // the name of the one that was used; "" = there is none of that name
	forgets   bool   // who has written is not to be known any more

	// apply joins the commit; what it returns replaces text and file when not empty.
	apply func(ctx context.Context, tx database.Tx, conversationID int64) (string, error)
}

// answer makes the reply to the events and commits it with everything that
// belongs to it.
func (r *Runner) answer(ctx context.Context, w *inbox.Work) (*outbox.Delivery, error) {
	key := r.Scope.Key(&w.Events[0].Event)
	conv, err := r.Store.Find(ctx, key)
	if errors.Is(err, conversation.ErrNotFound) {
		conv, err = &conversation.Conversation{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the conversation: %w", err)
	}
	var a reply
	text, isCommand := commandText(r.Prefix, &w.Events[0].Event)
	switch {
	case isCommand:
		a, err = r.runCommand(ctx, w, key, conv, text)
	case saysNothing(w):
		a = r.greet(ctx, w)
	default:
		a, err = r.askAI(ctx, w, key, conv)
	}
	if err != nil {
		return nil, err
	}
	return r.commit(ctx, w, key, a)
}

// saysNothing reports whether the messages hold nothing but the bot's mention.
func saysNothing(w *inbox.Work) bool {
	return !slices.ContainsFunc(w.Events, func(e inbox.Event) bool { return strings.TrimSpace(e.Event.Text) != "" })
}

// greet answers who says nothing, without a model. There is nothing to keep.
func (r *Runner) greet(ctx context.Context, w *inbox.Work) reply {
	return reply{
		outcome: outbox.Sent, text: r.say(ctx, &w.Events[0].Event)("ai.nothing", r.Prefix),
		detail: "answered without AI: the message holds nothing but the mention",
	}
}

// askAI answers with the model. An error that no further attempt can mend
// becomes a sentence for the chat.
func (r *Runner) askAI(ctx context.Context, w *inbox.Work, key conversation.Key, conv *conversation.Conversation) (reply, error) {
	a := reply{outcome: outbox.Sent, user: r.userMessages(w, key)}
	say := r.say(ctx, &w.Events[0].Event)
	if r.Assistant == nil {
		a.text = say("ai.off", r.Prefix)
		a.detail = "answered without AI: ai.enabled is false"
		return a, nil
	}
	if refusal, err := r.overBudget(ctx, &w.Events[0].Event, say); err != nil || refusal != "" {
		a.text, a.detail = refusal, "the token budget is used up"
		return a, err
	}
	var history []conversation.Message
	if conv.ID != 0 {
		var err error
		history, err = r.Store.LoadContext(ctx, conv.ID, conversation.HistoryOptions{
			MaxTurns: r.HistoryTurns, MaxTokens: r.HistoryTokens,
		}, r.historyBytes())
		if err != nil {
			return a, fmt.Errorf("load the history: %w", err)
		}
	}
	response, err := r.ask(ctx, w, conv, history, a.user, say)
	if err != nil {
		return r.apologise(ctx, w, a, err, say)
	}
	a.text, a.usage, a.detail = r.within(response, say), &response, "answered by "+response.Model
	a.bot = &conversation.Message{
		Role: conversation.RoleAssistant, Content: a.text, Tokens: response.CompletionTokens,
		Metadata: modelMetadata(response),
	}
	return a, nil
}

// ask calls the model, until more arrives that is to be answered too.
func (r *Runner) ask(ctx context.Context, w *inbox.Work, conv *conversation.Conversation, history, user []conversation.Message, say sentences.Say) (ai.Response, error) {
	model, system, err := r.Profile.Of(ctx, person(&w.Events[0].Event), conv.Model, conv.Persona)
	if err != nil {
		return ai.Response{}, fmt.Errorf("choose the model: %w", err)
	}
	watched, stop := r.interruptible(ctx, w)
	defer stop()
	ids := w.IDs()
	before, ask := given(history, user, w)
	response, err := r.Assistant.Reply(watched, ai.Ask{
		History: before, New: ask, Model: model, System: system, Room: inRoom(&w.Events[0].Event, r.Scope),
		User: fmt.Sprintf("%x", person(&w.Events[0].Event).Hash()[:16]),
		Say:  say, MaxText: r.maxText(),
	}, func(text string) { r.Listener.Delta(ids, text) })
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(watched), errInterrupted) {
		err = errInterrupted
	}
	return response, err
}

// apologise turns the last failure into the sentence that the chat gets.
func (r *Runner) apologise(ctx context.Context, w *inbox.Work, a reply, err error, say sentences.Say) (reply, error) {
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	if errors.Is(err, errInterrupted) || failure.KindOf(err) != failure.Invalid && !r.final(w, err) {
		return a, err
	}
	return a.sorry(err, say), nil
}

// sorry makes a the sentence that stands for a reply.
func (a reply) sorry(err error, say sentences.Say) reply {
	a.text, a.outcome = say(ai.Apology(err)), outbox.Dead
	a.reason = failure.CodeOf(err) + ": " + err.Error()
	a.detail = "given up: " + a.reason
	a.bot, a.usage, a.apply = nil, nil, nil
	return a
}

// giveUp tells the chat that there is no reply after the last attempt failed
// for whatever reason, and keeps what the person said, unless that is what
// cannot be kept.
func (r *Runner) giveUp(ctx context.Context, w *inbox.Work, cause error) (*outbox.Delivery, error) {
	key := r.Scope.Key(&w.Events[0].Event)
	a := reply{user: r.userMessages(w, key)}.sorry(cause, r.say(ctx, &w.Events[0].Event))
	d, err := r.commit(ctx, w, key, a)
	if err == nil || errors.Is(err, inbox.ErrLeaseLost) || failure.KindOf(err) == failure.Unavailable {
		return d, err
	}
	a.user = nil
	return r.commit(ctx, w, key, a)
}

func modelMetadata(m ai.Response) map[string]any {
	meta := map[string]any{
		"model": m.Model, "finish_reason": m.FinishReason,
		"prompt_tokens": m.PromptTokens, "completion_tokens": m.CompletionTokens,
	}
	if m.Estimated {
		meta["tokens_estimated"] = true
	}
	return meta
}

// userMessages are the events as messages of the conversation.
func (r *Runner) userMessages(w *inbox.Work, key conversation.Key) []conversation.Message {
	list := make([]conversation.Message, len(w.Events))
	for i := range w.Events {
		e := &w.Events[i].Event
		list[i] = r.userMessage(&w.Events[i], key, e.Text)
	}
	return list
}

func (r *Runner) userMessage(e *inbox.Event, key conversation.Key, text string) conversation.Message {
	m := conversation.Message{
		Role: conversation.RoleUser, Content: text, Timestamp: e.ReceivedAt,
		Tokens: r.Counter.Count(text), Metadata: maps.Clone(e.Event.Metadata),
	}
	if m.Metadata == nil {
		m.Metadata = map[string]any{}
	}
	m.Metadata[conversation.MetaEventID] = e.Event.ID
	if _, told := m.Metadata[platforms.MetaMentions]; !told && len(e.Event.Mentions) > 0 {
		m.Metadata[platforms.MetaMentions] = e.Event.Mentions
	}
	delete(m.Metadata, conversation.MetaSenderName) // what a program calls so is not the sender's name
	if e.Event.SenderName != "" {
		m.Metadata[conversation.MetaSenderName] = e.Event.SenderName
	}
	if author := e.Event.UserKey(); author != key.UserKey {
		m.Author = author
	}
	return m
}

// commit makes the answer true: messages, counters, usage, event states and
// the delivery that shows it, all or nothing.
func (r *Runner) commit(ctx context.Context, w *inbox.Work, key conversation.Key, a reply) (*outbox.Delivery, error) {
	lead := &w.Events[0]
	d := &outbox.Delivery{
		ID: lead.ID, LaneKey: key.Identity(), Platform: lead.Event.Platform,
		Address: w.Events[len(w.Events)-1].Event.ReplyTo,
		Text:    a.text, Outcome: a.outcome, Error: a.reason,
	}
	err := r.rememberFirst(ctx, w, &a)
	if err != nil {
		return nil, fmt.Errorf("remember the turn: %w", err)
	}
	err = r.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return r.commitTx(ctx, tx, w, key, a, d)
	})
	if err != nil {
		return nil, fmt.Errorf("commit the turn: %w", err)
	}
	return d, nil
}

func (r *Runner) commitTx(ctx context.Context, tx database.Tx, w *inbox.Work, key conversation.Key, a reply, d *outbox.Delivery) error {
	conv, err := r.Store.GetOrCreateTx(ctx, tx, key, r.DB.Now())
	if err != nil {
		return err
	}
	if err := r.rememberTx(ctx, tx, w, &a); err != nil {
		return err
	}
	d.Text, d.File = a.text, a.file
	if a.apply != nil {
		text, err := a.apply(ctx, tx, conv.ID)
		if err != nil {
			return err
		}
		if text != "" {
			d.Text, d.File = text, nil
		}
	}
	if err := r.saveTx(ctx, tx, w, conv.ID, a, d); err != nil {
		return err
	}
	if err := r.Inbox.AnsweredTx(ctx, tx, w, conv.ID, a.detail); err != nil {
		return err
	}
	r.Outbox.Prepare(d, inbox.EventKey(&w.Events[0].Event))
	if err := r.Outbox.CreateTx(ctx, tx, d); err != nil {
		return err
	}
	if d.Silent() {
		if err := r.doneTx(ctx, tx, w, d); err != nil {
			return err
		}
	}
	if a.usage == nil {
		return nil
	}
	if err := r.spendTx(ctx, tx, &w.Events[0].Event, a.usage.PromptTokens+a.usage.CompletionTokens); err != nil {
		return err
	}
	// Last, since every turn of the day needs this row.
	return r.Usage.AddTx(ctx, tx, r.DB.Now(), a.usage.Model, a.usage.PromptTokens, a.usage.CompletionTokens)
}

// saveTx stores the person's messages and, after them, the answer.
func (r *Runner) saveTx(ctx context.Context, tx database.Tx, w *inbox.Work, conversationID int64, a reply, d *outbox.Delivery) error {
	messages := fresh(w, a.user)
	if a.bot != nil {
		bot := *a.bot
		if !a.isCommand || bot.Content == "" { // a long answer may be kept shorter
			bot.Content = d.Text
		}
		messages = append(messages, bot)
	}
	if len(messages) == 0 {
		return nil
	}
	saved, err := r.Store.SaveTx(ctx, tx, conversationID, messages...)
	if err != nil {
		return err
	}
	if a.bot != nil {
		last := saved[len(saved)-1]
		d.MessageID, d.Tokens = last.ID, last.Tokens
	}
	return nil
}

// fresh leaves out the messages of events that an earlier turn has stored.
func fresh(w *inbox.Work, user []conversation.Message) []conversation.Message {
	var list []conversation.Message
	for i := range user {
		if w.Events[i].ConversationID == 0 {
			list = append(list, user[i])
		}
	}
	return list
}

func person(e *platforms.Event) memory.Person {
	return memory.Person{Tenant: e.Tenant, Platform: e.Platform, SenderID: e.SenderID}
}
