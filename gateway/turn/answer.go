package turn

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/internal/shorten"
)

// answer makes the reply to the events and commits it with everything that
// belongs to it.
func (r *Runner) answer(ctx context.Context, t *task) (*outbox.Delivery, error) {
	met, err := r.meet(ctx, t) // strangers
	if err != nil {
		return nil, err
	}
	if met != nil {
		return r.commit(ctx, t, *met)
	}
	conv, err := r.find(ctx, t.key)
	if err != nil {
		return nil, err
	}
	a, made, err := r.withoutModel(ctx, t, conv)
	if !made {
		a, err = r.askAI(ctx, t, conv)
	}
	if err != nil {
		return nil, err
	}
	return r.commit(ctx, t, a)
}

// find returns a conversation, an empty one where there is none yet.
func (r *Runner) find(ctx context.Context, key conversation.Key) (*conversation.Conversation, error) {
	conv, err := r.o.Store.Find(ctx, key)
	if errors.Is(err, conversation.ErrNotFound) {
		return &conversation.Conversation{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the conversation: %w", err)
	}
	return conv, nil
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
	if err != nil {
		return r.noAnswer(ctx, t, a, err)
	}
	if len(response.waiting) > 0 { // for somebody who is to allow a tool
		return r.asking(t, a, response.waiting), nil
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
	if err := r.putQuestion(ctx, watched, t, &ask, user); err != nil {
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

// said is what a model has answered in the end: a reply, or calls for which
// somebody is to be asked first.
type said struct {
	ai.Response

	waiting []conversation.ToolCall
}

// converse asks the model, has done what it wants of its tools, and asks again
// until it answers. The last time it has no tools, so that it does answer. Steps
// that an earlier attempt has taken are taken from there. asking ends when the
// model is not to be asked any more, and ctx when nothing is to be done any more.
func (r *Runner) converse(ctx, asking context.Context, t *task, conv *conversation.Conversation, ask ai.Ask) (said, error) {
	if err := r.begun(ctx, t); err != nil { // by an earlier attempt
		return said{}, err
	}
	tools := r.tools(ctx, t, conv)
	for n := 0; ; n++ {
		if ask.Tools = tools; n >= r.o.Tools.MaxRounds {
			ask.Tools = nil
		}
		if n == len(t.rounds) {
			response, err := r.answered(ctx, asking, t, ask)
			if err != nil || len(response.Calls) == 0 {
				return said{Response: response}, err
			}
		}
		rd := t.rounds[n]
		t.foreign = rd.Foreign // also of an earlier attempt's
		for call := range rd.uses {
			if err := r.use(ctx, asking, t, tools, rd, call); err != nil {
				return said{}, err
			}
		}
		if waiting := rd.waiting(); len(waiting) > 0 {
			return said{waiting: waiting}, nil
		}
		given, _ := r.messages(rd, "")
		ask.New = append(slices.Clip(ask.New), given...)
	}
}

// answered asks the model once. An answer that wants tools is the task's last round.
func (r *Runner) answered(ctx, asking context.Context, t *task, ask ai.Ask) (ai.Response, error) {
	asker := t.lead().Event.UserKey()
	t.foreign = foreign(&ask, asker)
	links := r.guardOf(&ask, asker) // nobody follows what others have planted
	response, err := r.o.Assistant.Reply(asking, ask, links.stream(t.audience.Delta))
	if err != nil {
		return ai.Response{}, err
	}
	response.Text = links.plain(response.Text)
	if len(response.Calls) == 0 {
		return response, nil
	}
	if ask.Tools == nil { // it was offered none
		r.countLost(ctx, t, response)
		return ai.Response{}, failure.New(failure.Retry, ai.CodeEmptyReply, "the model wants tools that it was not offered", nil)
	}
	_, err = r.plan(ctx, t, planned{Answer: response, Foreign: t.foreign})
	return response, err
}

// noticeRoom is what the sentence about a cut takes of a reply at most, in bytes.
const noticeRoom = 256

// maxText is how much of a model's answer is read, so that there is room for the
// sentence that says that it was cut; 0 = all of it.
func (r *Runner) maxText() int { return max(0, r.o.MaxReply-noticeRoom) }

// within returns the reply as the chat gets it: with a sentence that says so
// where the model had more to say.
func (r *Runner) within(m ai.Response, say sentences.Say) string {
	text, cut := m.Text, m.Cut
	if limit := r.maxText(); limit > 0 && len(text) > limit { // a model that knows no limit
		text, cut = shorten.Bytes(text, limit), true
	}
	switch {
	case cut:
		return text + "\n\n" + say("cut.reply")
	case m.FinishReason == "length":
		return text + "\n\n" + say("cut.model")
	}
	return text
}
