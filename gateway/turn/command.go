package turn

import (
	"context"
	"strings"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/platforms"
)

// IsCommand tells commands from messages for the AI.
func IsCommand(prefix string, is func(text string) bool) func(*platforms.Event) bool {
	return func(e *platforms.Event) bool {
		_, ok := commandText(prefix, is, e)
		return ok
	}
}

// commandText returns the event's text with the prefix if it is a command.
// Native commands come without one.
func commandText(prefix string, is func(string) bool, e *platforms.Event) (string, bool) {
	if e.Kind == platforms.KindCommand {
		return prefix + e.Text, true
	}
	text := strings.TrimSpace(e.Text)
	return text, is(text)
}

func (r *Runner) command(e *platforms.Event) (string, bool) {
	return commandText(r.Prefix, r.Commands.Is, e)
}

// runCommand answers a command. What it changes joins the turn's commit.
func (r *Runner) runCommand(ctx context.Context, w *inbox.Work, key conversation.Key, conv *conversation.Conversation, text string) (reply, error) {
	lead := &w.Events[0]
	name, rest := r.Commands.Parse(text)
	answer, err := r.Commands.Run(ctx, commands.Call{
		Name: name, Rest: rest,
		Conversation: conv.ID, Key: key, Person: person(&lead.Event), Now: r.DB.Now(),
	})
	if err != nil {
		return reply{}, err
	}
	a := reply{text: answer.Text, outcome: outbox.Sent, detail: "answered by a command", apply: answer.Apply}
	if answer.Unkept {
		return a, nil
	}
	mark := strings.ToLower(name)
	asked := r.userMessage(lead, key, text)
	asked.Metadata["command"] = mark
	a.user = []conversation.Message{asked}
	a.bot = &conversation.Message{
		Role: conversation.RoleAssistant, Tokens: r.Counter.Count(answer.Text),
		Metadata: map[string]any{"command": mark},
	}
	return a, nil
}
