package ai

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// Tool is something that a model may have done before it answers.
type Tool struct {
	Name        string // [A-Za-z0-9_-], at most 64 characters
	Description string
	Schema      json.RawMessage // of its arguments: a JSON Schema of type object
	Effect      Effect
	Approval    Approval
	// Run does it. What the error says is told to the model. The key is the same
	// whenever the same planned call runs again, and another for any other.
	Run func(ctx context.Context, key, arguments string) (ToolResult, error)
}

// Effect says what becomes of a call that was cut off, of which nobody knows
// whether it happened.
type Effect int

// What becomes of them.
const (
	Pure       Effect = iota // it changes nothing outside: it runs again
	Idempotent               // it runs again with the same key
	Once                     // it does not run again; the model is told that nobody knows
)

// Approval says when a person is asked before a tool runs.
type Approval int

// When one is asked.
const (
	Free    Approval = iota // never: it does not act outside
	Trusted                 // never, although it acts outside: the administrator says so
	Tainted                 // once the prompt holds what others said: it acts outside
	Asked                   // always
)

// ToolResult is what a model is told of what a tool did.
type ToolResult struct {
	Text string
	// Quotes means that others than who is answered may have said parts of it: it
	// is given to the model and not kept, since they may have it erased.
	Quotes bool
}

// NewTool returns a tool whose arguments are the fields of T, by their json and
// jsonschema tags.
func NewTool[T any](name, description string, run func(ctx context.Context, arguments T) (ToolResult, error)) Tool {
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true}
	schema := r.Reflect(new(T))
	schema.Version = ""
	text, _ := json.Marshal(schema) // of a struct it always succeeds
	return Tool{Name: name, Description: description, Schema: text, Run: RunWith(run)}
}

// RunWith returns what runs a tool of [NewTool]: a copy of one may run otherwise.
// Making its schema takes far longer than making a copy.
func RunWith[T any](run func(ctx context.Context, arguments T) (ToolResult, error)) func(ctx context.Context, key, arguments string) (ToolResult, error) {
	return func(ctx context.Context, _, arguments string) (ToolResult, error) {
		var in T
		if err := json.Unmarshal([]byte(arguments), &in); err != nil {
			return ToolResult{}, fmt.Errorf("the arguments are not what the schema says: %w", err)
		}
		return run(ctx, in)
	}
}

// toolTokens returns how many tokens the descriptions of tools take of a prompt.
func toolTokens(c TokenCounter, tools []Tool) (n int64) {
	for _, t := range tools {
		n += perMessage + c.Count(t.Name) + c.Count(t.Description) + c.Count(string(t.Schema))
	}
	return n
}
