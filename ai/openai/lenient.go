package openai

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/parley-bot/parley/internal/lenient"
)

// text is a JSON string, or what stands for one: a number, null, or a list of
// parts (https://docs.mistral.ai/capabilities/reasoning, and the content parts of
// OpenAI's own requests). What a part of a thinking model thinks is not its text.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(data []byte) error {
	*t = ""
	switch data = bytes.TrimSpace(data); data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return nil //nolint:nilerr // no text
		}
		*t = text(s)
	case '[':
		var parts []json.RawMessage
		_ = lenient.Decode(data, &parts)
		for _, part := range parts {
			var piece text
			_ = piece.UnmarshalJSON(part)
			*t += piece
		}
	case '{':
		var part struct {
			Type    string
			Text    text
			Content text
		}
		_ = lenient.Decode(data, &part)
		if !strings.Contains(part.Type, "think") && !strings.Contains(part.Type, "reason") {
			*t = part.Text + part.Content
		}
	case 'n', 't', 'f':
	default:
		*t = text(data)
	}
	return nil
}

// number is a JSON number of any kind, or a string that holds one; everything
// else, and what is below 0, is 0.
type number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(data []byte) error {
	const most = 1 << 40
	f, err := strconv.ParseFloat(strings.Trim(string(data), `" `), 64)
	if err == nil && f > 0 && f < most { // not a number is neither
		*n = number(f)
	}
	return nil
}

// list is a JSON list, or one element without it.
type list[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *list[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	switch data = bytes.TrimSpace(data); data[0] {
	case '[':
		var all []T
		_ = lenient.Decode(data, &all)
		*l = all
	case '{':
		var one T
		_ = lenient.Decode(data, &one)
		*l = list[T]{one}
	}
	return nil
}

// object is a JSON object as it stands, for what some endpoints write as a
// string that holds it.
type object string

// UnmarshalJSON implements [json.Unmarshaler].
func (o *object) UnmarshalJSON(data []byte) error {
	*o = ""
	switch data = bytes.TrimSpace(data); data[0] {
	case '"':
		var s text
		_ = s.UnmarshalJSON(data)
		*o = object(s)
	case '{', '[':
		*o = object(data)
	}
	return nil
}
