package fakeopenai

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// Call is one request for a chat completion.
type Call struct {
	Number int // from 1
	At     time.Time
	Header http.Header
	Body   []byte // as it came

	Model        string
	Messages     []Message
	Stream       bool
	IncludeUsage bool
	User         string
}

// Message is one message of the prompt.
type Message struct {
	Role       string     `json:"role"`
	Content    string     `json:"content"` // of one in parts, its texts
	Images     []string   `json:"-"`       // of one in parts, the addresses of its pictures
	Name       string     `json:"name"`
	ToolCalls  []ToolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
}

// UnmarshalJSON implements [json.Unmarshaler]: content is a text or its parts.
func (m *Message) UnmarshalJSON(raw []byte) error {
	type plain Message
	var parts struct {
		Content []struct {
			Type     string `json:"type"`
			Text     string `json:"text"`
			ImageURL struct {
				URL string `json:"url"`
			} `json:"image_url"`
		} `json:"content"`
	}
	if json.Unmarshal(raw, &parts) != nil || parts.Content == nil {
		return json.Unmarshal(raw, (*plain)(m)) //nolint:wrapcheck // the handler makes it a 400
	}
	var rest map[string]json.RawMessage
	_ = json.Unmarshal(raw, &rest) // it was an object
	delete(rest, "content")
	text, _ := json.Marshal(rest) // as above
	if err := json.Unmarshal(text, (*plain)(m)); err != nil {
		return err //nolint:wrapcheck // the handler makes it a 400
	}
	for _, p := range parts.Content {
		m.Content += p.Text
		if p.Type == "image_url" {
			m.Images = append(m.Images, p.ImageURL.URL)
		}
	}
	return nil
}

// Images returns the addresses of all pictures of the prompt.
func (c Call) Images() (all []string) {
	for _, m := range c.Messages {
		all = append(all, m.Images...)
	}
	return all
}

// ToolCall is a tool that the assistant asked for.
type ToolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// LastUserText returns the text of the last user message.
func (c Call) LastUserText() string {
	for _, m := range slices.Backward(c.Messages) {
		if m.Role == "user" {
			return m.Content
		}
	}
	return ""
}

func parseCall(header http.Header, body []byte, at time.Time) (Call, error) {
	var r struct {
		Model         string    `json:"model"`
		Messages      []Message `json:"messages"`
		Stream        bool      `json:"stream"`
		User          string    `json:"user"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	err := json.Unmarshal(body, &r)
	return Call{
		At: at, Header: header.Clone(), Body: body,
		Model: r.Model, Messages: r.Messages, Stream: r.Stream, User: r.User,
		IncludeUsage: r.StreamOptions.IncludeUsage,
	}, err //nolint:wrapcheck // the handler makes it a 400
}

// alternates reports whether no two messages of a person, or of the assistant,
// follow each other.
func (c Call) alternates() bool {
	for i := 1; i < len(c.Messages); i++ {
		if role := c.Messages[i].Role; role != "tool" && role == c.Messages[i-1].Role {
			return false
		}
	}
	return true
}

// refusal says what the real API would not take about the call, "" when nothing.
func (c Call) refusal() string {
	switch {
	case c.Model == "":
		return "you must provide a model parameter"
	case len(c.Messages) == 0:
		return "'messages' must not be empty"
	default:
		return badMessage(c.Messages)
	}
}

// badMessage checks what the real API checks about tool use and empty content.
func badMessage(messages []Message) string {
	open := map[string]bool{}
	for _, m := range messages {
		switch {
		case m.Role == "tool" && !open[m.ToolCallID]:
			return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
		case m.Role != "tool" && len(open) > 0:
			return "an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'"
		case m.Content == "" && len(m.ToolCalls) == 0:
			return "invalid value for 'content': expected a string, got null"
		}
		delete(open, m.ToolCallID)
		for _, call := range m.ToolCalls {
			open[call.ID] = true
		}
	}
	if len(open) > 0 {
		return "an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'"
	}
	return ""
}
