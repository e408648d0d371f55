package slack

import (
	"encoding/json"
	"strconv"
	"strings"

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

// ts returns w if it is the time of a message, else "".
func (w word) ts() string {
	if _, ok := parseTS(string(w)); !ok {
		return ""
	}
	return string(w)
}

func (w word) int() int64 {
	n, _ := strconv.ParseInt(string(w), 10, 64) // 0 is as good as nothing
	return n
}

// boolean is a yes or no that may come as a text.
type boolean bool

// UnmarshalJSON implements [json.Unmarshaler]. It never fails.
func (b *boolean) UnmarshalJSON(raw []byte) error {
	*b = boolean(strings.Trim(string(raw), `"`) == "true")
	return nil
}

// phrase is a text of a block: plain, or an object that says whether it is
// markup.
type phrase struct {
	text   string
	markup bool
}

// UnmarshalJSON implements [json.Unmarshaler]. It never fails.
func (p *phrase) UnmarshalJSON(raw []byte) error {
	*p = phrase{}
	switch raw[0] {
	case '"':
		_ = json.Unmarshal(raw, &p.text)
	case '{':
		var object struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		_ = json.Unmarshal(raw, &object)
		p.text, p.markup = object.Text, object.Type == "mrkdwn"
	case 'n', 't', 'f', '[':
	default:
		p.text = string(raw)
	}
	return nil
}
