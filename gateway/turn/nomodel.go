package turn

import (
	"context"
	"slices"
	"strings"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/shorten"
	"github.com/parley-bot/parley/platforms"
)

// withoutModel makes the reply to what is no question for a model: a page, a
// button, a command, a message that says nothing or cannot be read. made reports
// that it was one of these.
func (r *Runner) withoutModel(ctx context.Context, t *task, conv *conversation.Conversation) (a reply, made bool, err error) {
	e := &t.lead().Event
	text, isCommand := commandText(r.o.Prefix, e)
	switch {
	case e.Page != "":
		a, err = r.page(ctx, t, conv)
	case e.Press != nil:
		a, err = r.press(ctx, t)
	case isCommand:
		a, err = r.runCommand(ctx, t, conv, text)
	case unreadable(t.Work) && (r.o.Assistant == nil || !withFiles(t.Work)):
		a = t.unread(a)
	case saysNothing(t.Work):
		a = r.greet(t)
	default:
		return a, false, nil
	}
	return a, true, err
}

// page makes what a chat shows although nobody has said anything, without a
// model. There is nothing to keep.
func (r *Runner) page(ctx context.Context, t *task, conv *conversation.Conversation) (reply, error) {
	lead := t.lead()
	a := reply{outcome: outbox.Sent, text: t.say("page.prompts"), detail: "shown without AI: " + string(lead.Event.Page)}
	if lead.Event.Page == platforms.PagePrompts {
		return a, nil
	}
	answer, err := r.o.Commands.Run(ctx, r.call(ctx, lead, t.key, conv, "help", ""))
	a.text = answer.Text
	return a, err
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
