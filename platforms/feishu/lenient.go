package feishu

import (
	"encoding/json"

	"github.com/parley-bot/parley/internal/lenient"
)

// word is a short text such as an id or a time ([lenient.Text]).
type word string

// UnmarshalJSON implements [json.Unmarshaler]. It never fails.
func (w *word) UnmarshalJSON(raw []byte) error {
	*w = word(lenient.Text(raw))
	return nil
}

func (w word) String() string { return string(w) }

// phrase is a text, or an object that holds one.
type phrase string

// UnmarshalJSON implements [json.Unmarshaler]. It never fails.
func (p *phrase) UnmarshalJSON(raw []byte) error {
	*p = ""
	if raw[0] != '{' {
		return (*word)(p).UnmarshalJSON(raw)
	}
	var object struct {
		Content word `json:"content"`
		Text    word `json:"text"`
	}
	_ = lenient.Decode(raw, &object)
	*p = phrase(object.Content + object.Text)
	return nil
}

// nested is JSON that may stand inside a text, as the content of a message does.
type nested []byte

// UnmarshalJSON implements [json.Unmarshaler]. It never fails.
func (n *nested) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = []byte(text)
	}
	*n = append(nested(nil), raw...)
	return nil
}

// list reads an array whose elements are read one by one; nil when raw is none.
func list(raw json.RawMessage) []json.RawMessage {
	var all []json.RawMessage
	_ = json.Unmarshal(raw, &all)
	return all
}
