package turn

import (
	"cmp"
	"context"
	"encoding/hex"
	"strings"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/platforms"
)

// IsCommand tells commands from messages for the AI.
func IsCommand(prefix string) func(*platforms.Event) bool {
	return func(e *platforms.Event) bool {
		_, ok := commandText(prefix, e)
		return ok || e.Press != nil || e.Page != "" // these keep their place and their own answer, too
	}
}

// Stops tells events that ask for no more of a reply: the command, and the button.
func Stops(prefix string) func(*platforms.Event) bool {
	return func(e *platforms.Event) bool {
		if e.Press != nil {
			return e.Press.Verb == platforms.VerbStop
		}
		text, isCommand := commandText(prefix, e)
		if !isCommand {
			return false
		}
		name, _ := commands.Parse(prefix, text)
		return strings.EqualFold(name, commands.StopName)
	}
}

// commandText returns the event's text with the prefix if it is a command.
// Native commands come without one, or with it where somebody typed it anyway.
func commandText(prefix string, e *platforms.Event) (string, bool) {
	text := strings.TrimSpace(e.Text)
	if e.Kind == platforms.KindCommand {
		return prefix + strings.TrimPrefix(text, prefix), true
	}
	name, _ := commands.Parse(prefix, text)
	return text, name != ""
}

// runCommand answers a command. What it changes joins the turn's commit.
func (r *Runner) runCommand(ctx context.Context, t *task, conv *conversation.Conversation, text string) (reply, error) {
	lead := t.lead()
	name, rest := commands.Parse(r.o.Prefix, text)
	if d := r.decides(name, rest); d != nil && r.o.Assistant != nil {
		return r.decideByCommand(ctx, t, d)
	}
	answer, err := r.o.Commands.Run(ctx, r.call(ctx, lead, t.key, conv, name, rest))
	if err != nil {
		return reply{}, err
	}
	a := reply{
		text: r.shown(lead.Event.Platform, answer), file: r.file(&lead.Event, answer), apply: answer.Apply,
		outcome: outbox.Sent, detail: "answered by a command",
		isCommand: true, command: r.o.Commands.Name(name), forgets: answer.Forgets,
	}
	if answer.Unkept || lead.Event.ReplyTo.Private && inRoom(&lead.Event, r.o.Scope) {
		return a, nil // what only this person sees is no part of what a room reads
	}
	kept := answer.Kept
	if a.file != nil {
		kept = cmp.Or(answer.File.Kept, kept)
	}
	mark := strings.ToLower(name)
	asked := r.userMessage(lead, t.key, text)
	asked.Metadata[message.MetaCommand] = mark
	a.user = []conversation.Message{asked}
	a.bot = []conversation.Message{{
		Role: conversation.RoleAssistant, Content: kept, Tokens: r.o.Counter.Count(cmp.Or(kept, answer.Text)),
		Metadata: map[string]any{message.MetaCommand: mark},
	}}
	return a, nil
}

// file returns the answer's file where the chat takes one, else nil.
func (r *Runner) file(e *platforms.Event, answer commands.Answer) *outbox.File {
	if answer.File == nil || !r.o.Outbox.TakesFile(e.Platform, e.ReplyTo) {
		return nil
	}
	return &outbox.File{Name: answer.File.Name, Content: answer.File.Content}
}

func (r *Runner) call(ctx context.Context, lead *inbox.Event, key conversation.Key, conv *conversation.Conversation, name, rest string) commands.Call {
	e := &lead.Event
	return commands.Call{
		Name: name, Rest: rest,
		Conversation: conv.ID, Key: key, Model: conv.Model, Persona: conv.Persona,
		Person: person(e), SenderName: e.SenderName, UserKey: e.UserKey(), Room: inRoom(e, r.o.Scope),
		ChatID: e.ChatID, Group: e.ChatType == platforms.Group, Mentions: mentions(e), Locale: func() string { return r.locale(ctx, e) },
		Event: eventName(lead), EventID: lead.ID, At: lead.ReceivedAt, Now: r.o.DB.Now(),
		Stopped: commands.Stop(lead.CalledOff),
	}
}

// inRoom reports whether e belongs to a history that everybody in its chat shares.
func inRoom(e *platforms.Event, scope inbox.Scope) bool {
	return scope.Key(e).UserKey == platforms.RoomKey(e.Platform)
}

// eventName names the event in what is kept apart from it, whatever its number
// in this database.
func eventName(e *inbox.Event) string { return hex.EncodeToString(inbox.EventKey(&e.Event)) }

// mentions returns whom the platform says that the text names.
func mentions(e *platforms.Event) []commands.Mention {
	var list []commands.Mention
	for _, m := range e.Mentions {
		if m.ID != "" {
			list = append(list, commands.Mention{ID: m.ID, Text: m.Shown()})
		}
	}
	return list
}

// shown returns the answer's text as the chat gets it: code stands in a block,
// unless the reader fetches the text from us and may be a program.
func (r *Runner) shown(platform string, answer commands.Answer) string {
	if answer.Code == "" || r.o.Outbox.Silent(platform) {
		return answer.Text
	}
	return "```" + answer.Code + "\n" + answer.Text + "\n```"
}
