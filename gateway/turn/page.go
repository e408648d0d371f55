package turn

import (
	"context"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/platforms"
)

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
