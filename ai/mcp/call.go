package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/shorten"
)

const (
	// maxText bounds what is taken of a result, maxProblem of an error, in bytes.
	maxText    = 64 << 10
	maxProblem = 2 << 10
	// keyName is where the key of a call stands in its _meta.
	keyName = "idempotencyKey"
)

// call has a tool do what a model asks. The key goes to a tool that may run again
// after a crash; "" = none. What the errors say is for the model.
func (c *connection) call(ctx context.Context, t *pins.Tool, key, arguments string) (ai.ToolResult, error) {
	in, err := object(arguments)
	if err != nil {
		return ai.ToolResult{}, err
	}
	s, err := c.connected(ctx)
	if err != nil {
		c.o.Logger.WarnContext(ctx, "a tool cannot be called", slog.String("tool", t.Name), slog.Any("error", err))
		return ai.ToolResult{}, errors.New("nothing was done: the server of this tool is not there at the moment")
	}
	if !c.has(t) {
		return ai.ToolResult{}, errors.New("nothing was done: the tool has changed, and is off until an administrator approves it")
	}
	params := &sdk.CallToolParams{Name: t.Name, Arguments: in}
	if key != "" {
		params.Meta = sdk.Meta{keyName: key}
		ctx = withKey(ctx, key)
	}
	result, err := s.call(ctx, params)
	if err != nil {
		c.o.Logger.WarnContext(ctx, "a tool call failed", slog.String("tool", t.Name), slog.Any("error", err))
		return ai.ToolResult{}, err
	}
	if result.NeedsInput() {
		return ai.ToolResult{}, errors.New("the tool wants to ask a person for something, which it may not")
	}
	text := textOf(result)
	if result.IsError {
		return ai.ToolResult{}, errors.New(shorten.Line(text, maxProblem))
	}
	return ai.ToolResult{Text: text}, nil
}

// object returns a model's arguments as what tools take.
func object(arguments string) (json.RawMessage, error) {
	in := bytes.TrimSpace([]byte(arguments))
	if len(in) == 0 || string(in) == "null" {
		in = []byte("{}")
	}
	if in[0] != '{' || !json.Valid(in) {
		return nil, errors.New("nothing was done: the arguments are no JSON object")
	}
	return in, nil
}

// call ends with the session, too.
func (s *session) call(ctx context.Context, params *sdk.CallToolParams) (*sdk.CallToolResult, error) {
	s.calls.Add(1)
	defer s.calls.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	result, err := s.client.CallTool(ctx, params)
	if err == nil {
		return result, nil
	}
	if told, ok := errors.AsType[*jsonrpc.Error](err); ok && !ours(told.Code) {
		return nil, errors.New("the server refuses: " + shorten.Line(told.Message, maxProblem))
	}
	defer s.doubt()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("the server did not answer in time: %s", unknown)
	case ctx.Err() != nil && !isClosed(s.over):
		return nil, fmt.Errorf("the call was given up: %s", unknown)
	}
	s.faults.Add(1)
	s.logger.WarnContext(ctx, "a tool server failed during a call", slog.Any("error", s.explain(ctx, err)))
	return nil, fmt.Errorf("the server failed before it answered: %s", unknown)
}

// usable reports whether calls may be made: whether it was looked at since one failed.
func (s *session) usable() bool {
	return s.faults.Load() == 0 && !isClosed(s.ended) && !isClosed(s.over)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// unknown ends the text of each error after which nobody knows what was done.
const unknown = "it is not known whether it was done"

// ours reports whether the SDK makes an error with that code itself, of a
// connection that is gone: -32003 to -32005.
func ours(code int64) bool { return code <= -32003 && code >= -32005 }

// textOf returns what a model can read of a result.
func textOf(r *sdk.CallToolResult) string {
	var b strings.Builder
	for _, content := range r.Content {
		if b.Len() > maxText {
			break
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(read(content))
	}
	if b.Len() == 0 && r.StructuredContent != nil {
		text, _ := json.Marshal(r.StructuredContent) // it was read from JSON
		b.Write(text)
	}
	if text := shorten.Bytes(b.String(), maxText); text != "" {
		return text
	}
	return "done; the tool says nothing more"
}

func read(content sdk.Content) string {
	switch c := content.(type) {
	case *sdk.TextContent:
		return c.Text
	case *sdk.ImageContent:
		return fmt.Sprintf("[image, %.100q, %d bytes: not shown]", c.MIMEType, len(c.Data))
	case *sdk.AudioContent:
		return fmt.Sprintf("[audio, %.100q, %d bytes: not shown]", c.MIMEType, len(c.Data))
	case *sdk.ResourceLink:
		return fmt.Sprintf("[resource %.200q: %.1000q]", c.Name, c.URI)
	case *sdk.EmbeddedResource:
		if c.Resource != nil && c.Resource.Text != "" {
			return c.Resource.Text
		}
		return "[resource: not shown]"
	}
	return "[content of another kind: not shown]"
}
