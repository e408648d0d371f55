package ai

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/session"
)

// Remembering is a [Model] with a memory: see [WithMemory].
type Remembering struct {
	model   Model
	session conversation.Session
	limit   int
	counter TokenCounter
}

// WithMemory returns a model that puts what the session holds before each
// request's messages, as much of the newest whole turns as fits into
// contextTokens (0 = all), and adds these messages and the answer to the
// session afterwards. A session answers one request at a time.
func WithMemory(m Model, s conversation.Session, contextTokens int) *Remembering {
	return &Remembering{model: m, session: s, limit: max(contextTokens, 0), counter: NewCounter()}
}

// Generate implements [Model]. r.Messages are only what is new. When the model
// fails, nothing is kept, so that the same request can be made again; when
// only keeping it fails, the answer is returned together with the error.
func (m *Remembering) Generate(ctx context.Context, r Request, onDelta func(string)) (Response, error) {
	// Every item costs at least a token, so no more than limit of them can fit.
	items, err := m.session.Items(ctx, m.limit)
	if err != nil {
		return Response{}, fmt.Errorf("load session %s: %w", m.session.ID(), err)
	}
	fresh := r.Messages
	w := window{counter: m.counter, limit: int64(m.limit), leave: int64(m.limit)}
	r.Messages = w.fit(r.System, nil, conversation.MessagesOf(items), fresh, false).Messages
	resp, err := m.model.Generate(ctx, r, onDelta)
	if err != nil {
		return Response{}, err //nolint:wrapcheck // the model's error keeps its kind
	}
	answer := conversation.Message{Role: conversation.RoleAssistant, Content: resp.Text}
	if err := m.session.Add(ctx, session.ItemsOf(append(slices.Clip(fresh), answer))...); err != nil {
		return resp, fmt.Errorf("save to session %s: %w", m.session.ID(), err)
	}
	return resp, nil
}
