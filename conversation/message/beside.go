package message

import (
	"encoding/json"
	"fmt"
)

// besideJSON is one entry of the list that is kept beside a message's content.
type besideJSON struct {
	Passage

	Opaque json.RawMessage `json:"opaque,omitempty"`
}

// besideList is all that is kept beside m's content.
func (m *Message) besideList() []besideJSON {
	var list []besideJSON
	for _, p := range m.Context {
		list = append(list, besideJSON{Passage: p})
	}
	if len(m.Opaque) > 0 {
		list = append(list, besideJSON{Opaque: m.Opaque})
	}
	return list
}

// EncodeBeside returns the text of what is kept beside m's content, "" for nothing.
func EncodeBeside(m *Message) (string, error) {
	list := m.besideList()
	if list == nil {
		return "", nil
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", Invalidf("context cannot be written as JSON (%v)", err)
	}
	return CleanText(string(text)), nil
}

// DecodeBeside reads into m what [EncodeBeside] has written.
func DecodeBeside(m *Message, text string) error {
	var list []besideJSON
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return fmt.Errorf("context: %w", err)
	}
	m.takeBeside(list)
	return nil
}

func (m *Message) takeBeside(list []besideJSON) {
	for _, b := range list {
		if b.Opaque != nil {
			m.Opaque = b.Opaque
			continue
		}
		m.Context = append(m.Context, b.Passage)
	}
}
