package message

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// EncodeMetadata returns the text that is kept, "" when there is none.
func EncodeMetadata(metadata map[string]any) (string, error) {
	if len(metadata) == 0 {
		return "", nil
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return "", Invalidf("metadata cannot be written as JSON (%v)", err)
	}
	return string(text), nil
}

// DecodeMetadata reads what [EncodeMetadata] has written; nil for no metadata.
func DecodeMetadata(text string) (map[string]any, error) {
	if text == "" || text == "{}" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var metadata map[string]any
	if err := d.Decode(&metadata); err != nil {
		return nil, err
	}
	plainNumbers(metadata)
	return metadata, nil
}

// plainNumbers turns numbers into float64, as encoding/json does, except
// those that a float64 would change: 9007199254740993 stays what it is.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = plainNumbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = plainNumbers(value)
		}
	case json.Number:
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return v
		}
		if text, err := json.Marshal(f); err == nil && bytes.Equal(text, []byte(v)) {
			return f
		}
	}
	return v
}
