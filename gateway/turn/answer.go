package turn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/shorten"
	"github.com/parley-bot/parley/platforms"
)

// answer makes the reply to the events and commits it with everything that
// belongs to it.
func (r *Runner) answer(ctx context.Context, t *task) (*outbox.Delivery, error) {
	met, err := r.meet(ctx, t)
	if err != nil {
		return nil, err
	}
	if met != nil {
		return r.commit(ctx, t, *met)
	}
	conv, err := r.o.Store.Find(ctx, t.key)
	if errors.Is(err, conversation.ErrNotFound) {
		conv, err = &conversation.Conversation{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the conversation: %w", err)
	}
	var a reply
	text, isCommand := commandText(r.o.Prefix, &t.lead().Event)
	switch {
	case t.lead().Event.Page != "":
		a, err = r.page(ctx, t, conv)
	case t.lead().Event.Press != nil:
		a, err = r.press(ctx, t)
	case isCommand:
		a, err = r.runCommand(ctx, t, conv, text)
	case unreadable(t.Work) && (r.o.Assistant == nil || !withFiles(t.Work)):
		a = t.unread(reply{})
	case saysNothing(t.Work):
		a = r.greet(t)
	default:
		a, err = r.askAI(ctx, t, conv)
	}
	if err != nil {
		return nil, err
	}
	return r.commit(ctx, t, a)
}

// saysNothing reports whether the messages hold nothing but the bot's mention.
func saysNothing(w *inbox.Work) bool {
	return !slices.ContainsFunc(w.Events, func(e inbox.Event) bool { return strings.TrimSpace(e.Event.Text) != "" })
}

// unreadable reports whether the messages hold nothing but what cannot be read.
func unreadable(w *inbox.Work) bool {
	return !slices.ContainsFunc(w.Events, func(e inbox.Event) bool { return !e.Event.Unreadable })
}

// withFiles reports whether messages brought files.
func withFiles(w *inbox.Work) bool {
	return slices.ContainsFunc(w.Events, func(e inbox.Event) bool { return len(e.Event.Files) > 0 })
}

// unread answers who sends nothing but what cannot be read.
func (t *task) unread(a reply) reply {
	const most = 500
	a.outcome, a.text = outbox.Sent, t.say("ai.unreadable", shorten.Line(namesOf(t.Work), most))
	a.detail = "answered without AI: the message has no content that can be read"
	return a
}

// greet answers who says nothing, without a model. There is nothing to keep.
func (r *Runner) greet(t *task) reply {
	return reply{
		outcome: outbox.Sent, text: t.say("ai.nothing", r.o.Prefix),
		detail: "answered without AI: the message is only the mention",
	}
}

// askAI answers with the model. An error that no further attempt can mend
// becomes a sentence for the chat.
func (r *Runner) askAI(ctx context.Context, t *task, conv *conversation.Conversation) (reply, error) {
	a := reply{outcome: outbox.Sent, user: r.userMessages(t)}
	if r.o.Assistant == nil {
		a.text = t.say("ai.off", r.o.Prefix)
		a.detail = "answered without AI: ai.enabled is false"
		return a, nil
	}
	response, err := r.ask(ctx, t, conv, a.user)
	if spent, ok := errors.AsType[*budget.SpentError](err); ok {
		r.o.Metrics.BudgetRefused.WithLabelValues(string(spent.Scope)).Inc()
		a.text, a.detail = t.refused(spent), "refused: "+spent.Error()
		return a, nil
	}
	if _, ok := errors.AsType[*unreadError](err); ok {
		return t.unread(a), nil
	}
	if errors.Is(err, errStopped) {
		return r.stopped(t)
	}
	if err == nil && len(response.waiting) > 0 {
		return r.asking(t, a, response.waiting), nil
	}
	if errors.Is(err, errNothingAsked) {
		return a, err
	}
	if err != nil {
		return r.apologise(ctx, t, a, err)
	}
	a.anchor, a.folded, a.full = response.First, response.Folded, response.Full
	a.text, a.usage, a.detail = r.within(response.Response, t.say), []ai.Response{response.Response}, "answered by "+response.Model
	answer := conversation.Message{
		Role: conversation.RoleAssistant, Content: a.text, Tokens: response.CompletionTokens,
		Metadata: modelMetadata(response.Response), Opaque: response.Opaque,
	}
	mark(&answer, t.foreign)
	a.bot = append(r.used(t, ""), answer)
	return a, nil
}

// userOf is who asks, for providers.
func userOf(e *platforms.Event) string { return fmt.Sprintf("%x", person(e).Hash()[:16]) }

// ask calls the model, until more arrives that is to be answered too.
func (r *Runner) ask(ctx context.Context, t *task, conv *conversation.Conversation, user []conversation.Message) (said, error) {
	lead := &t.lead().Event
	ask, err := r.prompt(ctx, t.key, conv, person(lead))
	if err != nil {
		return said{}, err
	}
	called, done := r.calls.watch(ctx, t.IDs())
	defer done()
	watched, stop := r.interruptible(called, t.Work)
	defer stop()
	if t.again == 0 {
		r.quote(ctx, t, user)
		r.above(ctx, t, user, ask.History)
		files, err := r.readFiles(watched, t, ask.Model, user)
		if err != nil && watched.Err() == nil {
			return said{}, err
		}
		ask.History, ask.New = given(ask.History, user, t.Work)
		ask.New, ask.Images = files.put(ask.New, user), files.images
	} else if ask.History, ask.New, err = askedBefore(ask.History, t.again); err != nil {
		return said{}, err
	}
	ask.User, ask.Say, ask.MaxText = userOf(lead), t.say, r.maxText()
	ask.Reserve = r.reserve(t)
	ask.Lost = func(call ai.Response) { r.countLost(ctx, t, call) }
	response, err := r.converse(ctx, watched, t, conv, ask)
	if _, spent := errors.AsType[*budget.SpentError](err); !spent && ctx.Err() == nil && !errors.Is(err, breaker.ErrOpen) {
		t.Tries++
	}
	if cause := context.Cause(watched); err != nil && ctx.Err() == nil && isCalledOff(cause) {
		err = cause
	}
	return response, err
}
