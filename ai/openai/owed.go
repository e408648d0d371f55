package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/shorten"
)

// Some providers want back what their models have thought, as soon as these have
// used tools, and refuse the conversation without it. It is kept beside the
// message that it came with, goes to no other provider, and is in nothing that
// people read.

// wanted is what a provider wants back.
type wanted int

const (
	nothingWanted      wanted = iota
	thoughtsTaken             // thoughts, where there are any
	thoughtsDemanded          // thoughts with each answer from the first use of tools on
	thoughtsEverywhere        // thoughts with each answer
	signaturesTaken           // the signatures of calls, where there are any
	signaturesDemanded        // a signature with the first call of each answer
)

func (w wanted) thoughts() bool   { return w >= thoughtsTaken && w <= thoughtsEverywhere }
func (w wanted) signatures() bool { return w >= signaturesTaken }

const (
	// maxThought bounds what is kept of the thoughts of one answer, in bytes.
	maxThought = 32 << 10
	// maxSignature bounds one signature, which is of no use in part, and maxEnciphered
	// all enciphered thoughts of an answer.
	maxSignature  = 32 << 10
	maxEnciphered = 64 << 10
	// noThought stands for thoughts that nobody has. Kimi refuses an empty text.
	noThought = " "
	// noSignature has Gemini take a call that it has not made itself
	// (https://ai.google.dev/gemini-api/docs/thought-signatures#faqs).
	noSignature = `{"google":{"thought_signature":"skip_thought_signature_validator"}}`
)

// families are the models whose providers want something back, by what they or
// their providers are called.
func families() []struct {
	name  string
	words []string
	wants wanted
} {
	return []struct {
		name  string
		words []string
		wants wanted
	}{
		{"deepseek", []string{"deepseek"}, thoughtsDemanded}, // https://api-docs.deepseek.com/guides/thinking_mode#tool-calls
		{"kimi", []string{"kimi", "moonshot"}, thoughtsDemanded},
		{"qwen", []string{"qwen", "qwq", "dashscope"}, thoughtsTaken},
		{"gemini", []string{"gemini", "generativelanguage"}, signaturesTaken},
	}
}

// strictHosts serve models of those families, and refuse what their providers want.
var strictHosts = regexp.MustCompile(`(^|\.)(groq\.com|mistral\.ai)$`)

// gemini3 are the models that refuse a call without its signature.
var gemini3 = regexp.MustCompile(`gemini-([3-9]|\d\d)`)

// family returns what a model, its provider or their host is called.
func (c *Client) family(model string) (name string, wants wanted) {
	if strictHosts.MatchString(c.base.Hostname()) {
		return "", nothingWanted
	}
	for _, called := range []string{model, c.name, c.base.Hostname()} {
		called = strings.ToLower(called)
		for _, f := range families() {
			for _, word := range f.words {
				if strings.Contains(called, word) {
					return f.name, f.wants
				}
			}
		}
	}
	return "", nothingWanted
}

// wants returns what the provider wants back of a model's answers.
func (c *Client) wants(model string) wanted {
	if learnt, _ := c.owed.Load(model); learnt != nil {
		wants, _ := learnt.(wanted)
		return wants
	}
	_, wants := c.family(model)
	if wants == signaturesTaken && gemini3.MatchString(strings.ToLower(model)) {
		return signaturesDemanded
	}
	return wants
}

// origin names who has thought something, and gets it back.
func (c *Client) origin(model string) string {
	family, _ := c.family(model)
	if family == "" {
		family = model
	}
	return c.base.Host + " " + family
}

// learnOwed reports whether the fault says that something has to be given back, or
// must not be, and does so from then on.
func (c *Client) learnOwed(model string, f *fault, request []byte) bool {
	if f.status != http.StatusBadRequest && f.status != http.StatusUnprocessableEntity {
		return false
	}
	now := c.wants(model)
	next := now
	switch {
	case strings.Contains(f.text, "reasoning_content"):
		sent := bytes.Contains(request, []byte(`"reasoning_content":`))
		switch refused := complaint.MatchString(f.text) || strings.Contains(f.text, "remove"); {
		case refused && sent:
			next = nothingWanted
		case !refused && now < thoughtsDemanded:
			next = thoughtsDemanded
		case !refused && now == thoughtsDemanded:
			next = thoughtsEverywhere
		}
	case strings.Contains(f.text, "thought_signature"):
		next = signaturesDemanded
	}
	if next == now {
		return false
	}
	c.owed.Store(model, next)
	return true
}

// owed is what is kept of an answer for its provider.
type owed struct {
	Origin     string                     `json:"origin"`
	Thoughts   string                     `json:"thoughts,omitempty"`
	Signatures map[string]json.RawMessage `json:"signatures,omitempty"` // by the ids of the calls
	Enciphered []string                   `json:"enciphered,omitempty"` // thoughts of the Responses API
	Details    json.RawMessage            `json:"details,omitempty"`    // thoughts of OpenRouter, beside the calls that came of them
}

// owe returns what is kept for the provider of an answer that belongs to a use of
// tools, nil for nothing.
func (c *Client) owe(r ai.Request, a *answer, calls []conversation.ToolCall) json.RawMessage {
	last := len(r.Messages) - 1
	if len(calls) == 0 && (last < 0 || r.Messages[last].Role != conversation.RoleTool) {
		return nil
	}
	o := owed{Origin: c.origin(r.Model), Thoughts: clean(a.thought.String()), Signatures: a.calls.signatures()}
	if !c.wants(r.Model).signatures() {
		o.Signatures = nil
	}
	if len(strings.Join(a.enciphered, "")) <= maxEnciphered {
		o.Enciphered = a.enciphered
	}
	if len(calls) > 0 {
		o.Details = a.details.whole()
	}
	if o.Thoughts == "" && len(o.Signatures)+len(o.Enciphered)+len(o.Details) == 0 {
		return nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil // a signature was no JSON
	}
	return text
}

// keep takes a piece of what a model thinks.
func (a *answer) keep(piece string) {
	if a.wants.thoughts() {
		a.thought.WriteString(shorten.Bytes(piece, maxThought-a.thought.Len()))
	}
}

// owedTo returns what a message holds for a model of this provider.
func (c *Client) owedTo(model string, m *conversation.Message) (o owed) {
	if len(m.Opaque) == 0 || json.Unmarshal(m.Opaque, &o) != nil || o.Origin != c.origin(model) {
		return owed{}
	}
	return o
}

// giveBack adds to answers what was thought with them, from the first use of tools on.
func (c *Client) giveBack(model string, list []openai.ChatCompletionMessage) {
	wants := c.wants(model)
	begun := wants == thoughtsEverywhere
	for i := range list {
		m := &list[i]
		begun = begun || len(m.ToolCalls) > 0
		switch {
		case !wants.thoughts() || !begun || m.Role != openai.ChatMessageRoleAssistant:
			m.ReasoningContent = ""
		case m.ReasoningContent == "" && wants != thoughtsTaken:
			m.ReasoningContent = noThought
		}
	}
}

// sign adds to the calls of a request what came with them.
func (c *Client) sign(r ai.Request, request []byte) ([]byte, error) {
	s, needed := c.signer(r)
	if !needed {
		return request, nil
	}
	var body map[string]json.RawMessage
	var messages []map[string]json.RawMessage
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, fmt.Errorf("take the request apart: %w", err)
	}
	if err := json.Unmarshal(body["messages"], &messages); err != nil {
		return nil, fmt.Errorf("take the messages apart: %w", err)
	}
	for _, m := range messages {
		if err := s.sign(m); err != nil {
			return nil, err
		}
	}
	var err error
	if body["messages"], err = json.Marshal(messages); err != nil {
		return nil, fmt.Errorf("put the messages together: %w", err)
	}
	return json.Marshal(body) //nolint:wrapcheck // it was JSON
}

// signer goes through the messages of a request.
type signer struct {
	demanded   bool // a signature with the first call of each answer
	routed     bool // as OpenRouter has it
	signatures map[string]json.RawMessage
	details    []json.RawMessage // of the answers to come that use tools
}

// signer returns one for a request; needed is false where nothing is to be added.
func (c *Client) signer(r ai.Request) (s signer, needed bool) {
	wants := c.wants(r.Model)
	s = signer{demanded: wants == signaturesDemanded, routed: c.routed(), signatures: map[string]json.RawMessage{}}
	needed = wants.signatures()
	for i := range r.Messages {
		m := &r.Messages[i]
		o := c.owedTo(r.Model, m)
		if wants.signatures() {
			maps.Copy(s.signatures, o.Signatures)
		}
		if len(m.ToolCalls()) > 0 {
			s.details = append(s.details, o.Details)
			needed = needed || o.Details != nil
		}
	}
	return s, needed
}

func (s *signer) sign(message map[string]json.RawMessage) error {
	if message["tool_calls"] == nil {
		return nil
	}
	var calls []map[string]json.RawMessage
	if err := json.Unmarshal(message["tool_calls"], &calls); err != nil {
		return fmt.Errorf("take the calls apart: %w", err)
	}
	var blocks json.RawMessage
	if len(s.details) > 0 { // there is one for each
		blocks, s.details = s.details[0], s.details[1:]
	}
	for i, call := range calls {
		var id string
		if err := json.Unmarshal(call["id"], &id); err != nil {
			return fmt.Errorf("take a call apart: %w", err)
		}
		switch signature := s.signatures[id]; {
		case signature != nil:
			call["extra_content"] = signature
		case i > 0 || !s.demanded || blocks != nil:
		case s.routed:
			blocks = noDetails(id)
		default:
			call["extra_content"] = json.RawMessage(noSignature)
		}
	}
	if blocks != nil { // they say what the thoughts say
		message[detailsField] = blocks
		delete(message, thoughtField)
	}
	text, err := json.Marshal(calls)
	message["tool_calls"] = text
	return err //nolint:wrapcheck // it was JSON
}
