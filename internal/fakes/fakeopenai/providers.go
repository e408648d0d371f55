package fakeopenai

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Provider is whose habits the server has beside OpenAI's.
type Provider string

// Providers that want something of the messages that they are given.
const (
	DeepSeek Provider = "deepseek" // thoughts with each answer from the first use of tools on
	Kimi     Provider = "kimi"     // thoughts, and not empty ones, with each answer that uses tools
	Gemini   Provider = "gemini"   // a signature with the first call of each answer
	Groq     Provider = "groq"     // nothing but what OpenAI knows
	Mistral  Provider = "mistral"  // likewise
)

// Speak makes the server refuse what a provider refuses; "" is OpenAI.
func (s *Server) Speak(p Provider) {
	s.base.Lock()
	defer s.base.Unlock()
	s.provider = p
}

func (s *Server) speaks() Provider {
	s.base.Lock()
	defer s.base.Unlock()
	return s.provider
}

// answered is what providers look at in a message.
type answered struct {
	Role      string  `json:"role"`
	Thoughts  *string `json:"reasoning_content"`
	ToolCalls []struct {
		Extra *struct {
			Google struct {
				Signature string `json:"thought_signature"`
			} `json:"google"`
		} `json:"extra_content"`
	} `json:"tool_calls"`
}

// Refusal says what a provider would not take about the body of a request, "" when
// nothing.
func Refusal(p Provider, body []byte) string {
	call, err := parseCall(nil, body, time.Time{})
	if err != nil {
		return err.Error()
	}
	if text := call.refusal(); text != "" {
		return text
	}
	var r struct {
		Messages []answered `json:"messages"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return err.Error()
	}
	begun := false
	for i, m := range r.Messages {
		begun = begun || len(m.ToolCalls) > 0
		if text := p.refuses(m, begun); text != "" {
			return strings.ReplaceAll(text, "%d", fmt.Sprint(i))
		}
	}
	return ""
}

// refuses says what is wrong about one message. begun says that tools were used by then.
func (p Provider) refuses(m answered, begun bool) string {
	calls, answer := len(m.ToolCalls) > 0, m.Role == "assistant"
	signed := calls && m.ToolCalls[0].Extra != nil && m.ToolCalls[0].Extra.Google.Signature != ""
	switch {
	case p == DeepSeek && answer && begun && m.Thoughts == nil:
		return "The `reasoning_content` in the thinking mode must be passed back to the API."
	case p == Kimi && calls && (m.Thoughts == nil || *m.Thoughts == ""):
		return "thinking is enabled but reasoning_content is missing in assistant tool call message at index %d"
	case p == Gemini && calls && !signed:
		return "Function call is missing a thought_signature in functionCall parts."
	case (p == Groq || p == Mistral) && m.Thoughts != nil:
		return "'messages.%d' : for 'role:assistant' the following must be satisfied[('messages.%d' : property 'reasoning_content' is unsupported)]"
	case (p == Groq || p == Mistral) && calls && m.ToolCalls[0].Extra != nil:
		return "'messages.%d.tool_calls.0' : property 'extra_content' is unsupported"
	}
	return ""
}
