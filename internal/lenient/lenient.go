// Package lenient reads JSON of others as far as it is understood: what an
// answer does not need must not decide whether there is one.
package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Decode reads JSON as far as its types are those of into. A field of another
// type is as if it were not there. The error is of what is no JSON.
func Decode(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err //nolint:wrapcheck // the caller knows what it read
}

// Text returns a short text such as an id or a time: a string, a number as it
// stands, or the id of an object. Everything else is "".
func Text(raw []byte) (text string) {
	switch raw[0] {
	case '"':
		if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
			return string(plain) // nearly all of them
		}
		_ = json.Unmarshal(raw, &text)
	case '{':
		var object struct {
			ID string `json:"id"`
		}
		_ = Decode(raw, &object)
		text = object.ID
	case 'n', 't', 'f', '[':
	default:
		text = string(raw)
	}
	return text
}
