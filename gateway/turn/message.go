package turn

import (
	"maps"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/platforms"
)

// userMessages are the events as messages of the conversation.
func (r *Runner) userMessages(t *task) []conversation.Message {
	if t.user == nil && t.lead().Event.Press != nil { // says nothing
		return nil
	}
	if t.user == nil {
		t.user = make([]conversation.Message, len(t.Events))
		for i := range t.Events {
			t.user[i] = r.userMessage(&t.Events[i], t.key, wordsOf(&t.Events[i].Event))
		}
	}
	return t.user
}

// wordsOf returns what an event says; files that came without words say their names.
func wordsOf(e *platforms.Event) string {
	if e.Unreadable && len(e.Files) > 0 {
		return message.Named(keptFiles(e))
	}
	return e.Text
}

// keptFiles is what is kept of an event's files.
func keptFiles(e *platforms.Event) []conversation.File {
	files := make([]conversation.File, len(e.Files))
	for i, f := range e.Files {
		files[i] = conversation.File{Name: f.Name, Type: f.Type, Size: f.Size}
	}
	return files
}

func (r *Runner) userMessage(e *inbox.Event, key conversation.Key, text string) conversation.Message {
	m := conversation.Message{
		Role: conversation.RoleUser, Content: text, Timestamp: e.ReceivedAt,
		Tokens: r.o.Counter.Count(text), Metadata: maps.Clone(e.Event.Metadata),
	}
	if m.Metadata == nil {
		m.Metadata = map[string]any{}
	}
	m.Metadata[message.MetaEventID] = e.Event.ID
	if _, told := m.Metadata[platforms.MetaMentions]; !told && len(e.Event.Mentions) > 0 {
		m.Metadata[platforms.MetaMentions] = e.Event.Mentions
	}
	if len(e.Event.Files) > 0 {
		m.Metadata[message.MetaFiles] = keptFiles(&e.Event)
	}
	delete(m.Metadata, message.MetaSenderName) // what a program calls so is not the sender's name
	if e.Event.SenderName != "" {
		m.Metadata[message.MetaSenderName] = e.Event.SenderName
	}
	if author := e.Event.UserKey(); author != key.UserKey {
		m.Author = author
	}
	return m
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
