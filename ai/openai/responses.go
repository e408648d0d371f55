package openai

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
)

// The Responses API (https://platform.openai.com/docs/api-reference/responses) is
// how OpenAI's newer models use tools. Nothing is kept there: store is false.

const (
	pathChat      = "/chat/completions"
	pathResponses = "/responses"
)

// method returns the one of the two APIs that a model is asked by.
func (c *Client) method(model string) string {
	if _, learnt := c.byResponses.Load(model); learnt || c.responses {
		return pathResponses
	}
	return pathChat
}

// learnMethod reports whether the endpoint says that this model is to be asked by
// the Responses API, and asks it so from then on.
func (c *Client) learnMethod(model string, f *fault) bool {
	if c.method(model) == pathResponses || !strings.Contains(f.text, "v1/responses") {
		return false
	}
	c.byResponses.Store(model, true)
	return true
}

type responsesRequest struct {
	Model           string          `json:"model"`
	Instructions    string          `json:"instructions,omitempty"`
	Input           []responsesItem `json:"input"`
	Stream          bool            `json:"stream"`
	Store           bool            `json:"store"`
	MaxOutputTokens int             `json:"max_output_tokens,omitempty"`
	User            string          `json:"user,omitempty"`
	PromptCacheKey  string          `json:"prompt_cache_key,omitempty"`
	Reasoning       *reasoning      `json:"reasoning,omitempty"`
	Tools           []responsesTool `json:"tools,omitempty"`
	ToolChoice      string          `json:"tool_choice,omitempty"`
	Include         []string        `json:"include,omitempty"`
}

// What a model has thought between uses of tools it wants back: since nothing is kept
// there, enciphered, as only its provider can read it
// (https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items).
const (
	include          = "include"
	encryptedThought = "reasoning.encrypted_content"
)

type reasoning struct {
	Effort string `json:"effort"`
}

type responsesTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

type responsesItem struct {
	Type    string `json:"type"`
	Role    string `json:"role,omitempty"`
	Content any    `json:"content,omitempty"` // a text or its parts

	CallID    string  `json:"call_id,omitempty"`
	Name      string  `json:"name,omitempty"`
	Arguments string  `json:"arguments,omitempty"`
	Output    *string `json:"output,omitempty"`

	Summary          *[]string `json:"summary,omitempty"` // of a thought: it has to be there
	EncryptedContent string    `json:"encrypted_content,omitempty"`
}

func (c *Client) responsesBody(r ai.Request) ([]byte, error) {
	request := responsesRequest{
		Model: r.Model, Instructions: r.System, Stream: c.stream, MaxOutputTokens: r.MaxTokens, User: r.User, PromptCacheKey: r.CacheKey,
	}
	for _, t := range r.Tools {
		request.Tools = append(request.Tools, responsesTool{"function", t.Name, t.Description, t.Schema})
	}
	if r.NoCalls && len(r.Tools) > 0 {
		request.ToolChoice = noCalls
	}
	if r.Effort != "" {
		request.Reasoning = &reasoning{r.Effort}
	}
	enciphered := len(r.Tools) > 0 && !c.refusals.leavesOut(r.Model, include)
	if enciphered {
		request.Include = []string{encryptedThought}
	}
	for _, m := range r.Messages {
		if enciphered {
			for _, content := range c.owedTo(r.Model, &m).Enciphered {
				request.Input = append(request.Input, responsesItem{Type: "reasoning", Summary: &[]string{}, EncryptedContent: content})
			}
		}
		request.Input = append(request.Input, responsesItems(m)...)
	}
	showItems(c.seen(r), request.Input)
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return c.refusals.apply(r.Model, text, c.extra)
}

// responsesItems returns a message as the items that it is there.
func responsesItems(m conversation.Message) []responsesItem {
	if m.Role == conversation.RoleTool {
		return []responsesItem{{Type: "function_call_output", CallID: m.ToolCallID(), Output: &m.Content}}
	}
	var items []responsesItem
	calls := m.ToolCalls()
	if m.Content != "" || len(calls) == 0 {
		content := m.Content
		if content == "" {
			content = nothing
		}
		items = append(items, responsesItem{Type: "message", Role: string(m.Role), Content: content})
	}
	for _, call := range calls {
		items = append(items, responsesItem{
			Type: "function_call", CallID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments,
		})
	}
	return items
}

// responsesValue is an event of a stream, or a whole response.
type responsesValue struct {
	Type     string         `json:"type"`
	Object   string         `json:"object"`
	Delta    text           `json:"delta"`
	Response *responsesBody `json:"response"`
	responsesBody
}

type responsesBody struct {
	Model      text            `json:"model"`
	Status     text            `json:"status"`
	Error      json.RawMessage `json:"error"`
	Usage      usage           `json:"usage"`
	Incomplete struct {
		Reason text `json:"reason"`
	} `json:"incomplete_details"`
	Output list[struct {
		Type    string `json:"type"`
		Content list[struct {
			Text    text `json:"text"`
			Refusal text `json:"refusal"`
		}] `json:"content"`
		CallID    text   `json:"call_id"`
		Name      text   `json:"name"`
		Arguments object `json:"arguments"`

		EncryptedContent text `json:"encrypted_content"`
	}] `json:"output"`
}

// takeResponses reads a value of the Responses API; ok is false for any other.
func (a *answer) takeResponses(value []byte) (ok bool, err error) {
	var v responsesValue
	if lenient.Decode(value, &v) != nil {
		return false, nil //nolint:nilerr // it is of another API, whose reader judges it
	}
	switch {
	case v.Object == "response":
		return true, a.responseEnds(&v.responsesBody, value)
	case v.Type == "response.output_text.delta", v.Type == "response.refusal.delta":
		a.choices++
		a.hear(string(v.Delta))
		if a.resp.Cut {
			return true, errFull
		}
	case strings.HasPrefix(v.Type, "response.reasoning") && strings.HasSuffix(v.Type, ".delta"):
		a.apart += len(v.Delta)
		a.preview.pass()
	case v.Response != nil && (v.Type == "response.completed" || v.Type == "response.incomplete" || v.Type == "response.failed"):
		if err := a.responseEnds(v.Response, value); err != nil {
			return true, err
		}
		return true, errDone
	default:
		return strings.HasPrefix(v.Type, "response."), nil
	}
	return true, nil
}

// responseEnds takes a whole response; of its text what has not come in pieces.
func (a *answer) responseEnds(r *responsesBody, value []byte) error {
	a.count(r.Usage)
	if r.Model != "" {
		a.resp.Model = string(r.Model)
	}
	if r.Status == "failed" || len(r.Error) > 0 && string(r.Error) != "null" {
		return readFault(0, value)
	}
	a.choices, a.whole = a.choices+1, true
	said := a.text.Len() > 0 || a.thoughts.bytes > 0
	for i, item := range r.Output {
		if item.Type == "function_call" {
			var call toolCall
			index := number(i)
			call.Index, call.ID = &index, item.CallID
			call.Function.Name, call.Function.Arguments = item.Name, item.Arguments
			a.calls.add(call)
		}
		if item.Type == "reasoning" {
			a.apart++
			if item.EncryptedContent != "" {
				a.enciphered = append(a.enciphered, string(item.EncryptedContent))
			}
		}
		for _, part := range item.Content {
			if !said && item.Type == "message" {
				a.hear(string(part.Text + part.Refusal))
			}
		}
	}
	a.resp.FinishReason = "stop"
	if len(a.calls) > 0 {
		a.resp.FinishReason = "tool_calls"
	}
	if r.Status == "incomplete" {
		a.resp.FinishReason = strings.ToLower(string(r.Incomplete.Reason))
	}
	return nil
}
