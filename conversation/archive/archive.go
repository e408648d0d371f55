package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parley-bot/parley/conversation/message"
)

// Archive is one conversation with all its messages, the form of export files.
type Archive struct {
	Conversation message.Conversation `json:"conversation"`
	Messages     []message.Message    `json:"messages"`
}

// Read reads one export file, or one of a backup, whose checksum it verifies. An
// error is one line that names the place: a line of the file, or a field such as
// messages[3].timestamp.
func Read(r io.Reader) (*Archive, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	src := Source{bytes.NewReader(data), int64(len(data))}
	if err := src.Verify(); err != nil {
		return nil, err
	}
	return src.archive()
}

// UnmarshalJSON reads an export file, this program's or one of
// feishu_webhook_bot's: a timestamp without a zone is UTC, a missing one is
// that of the message before.
func (a *Archive) UnmarshalJSON(data []byte) error {
	read, err := Source{bytes.NewReader(data), int64(len(data))}.archive()
	if err != nil {
		return err
	}
	*a = *read
	return nil
}

// archive reads the whole file into memory.
func (s Source) archive() (*Archive, error) {
	a := &Archive{Messages: []message.Message{}}
	err := s.Scan(Visitor{
		Head:    func(c *message.Conversation) error { a.Conversation = *c; return nil },
		Message: func(_ int, m *message.Whole) error { a.Messages = append(a.Messages, m.Message); return nil },
	})
	if err != nil {
		return nil, err
	}
	last := a.Conversation.CreatedAt
	for i := range a.Messages {
		last = a.Messages[i].TimeAfter(last)
	}
	return a, nil
}

// MarshalJSON writes an empty list of messages as [].
func (a Archive) MarshalJSON() ([]byte, error) {
	if a.Messages == nil {
		a.Messages = []message.Message{}
	}
	type plain Archive
	return encode(plain(a))
}

// encode writes JSON and leaves <, > and & as they are.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// explain puts the place before an error of encoding/json and makes it ErrInvalid.
func explain(place string, err error) error {
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			field = "it"
		}
		err = message.Invalidf("%s is a JSON %s, not what an export has here", field, wrong.Value)
	}
	if !errors.Is(err, message.ErrInvalid) {
		err = message.Invalidf("%v", err)
	}
	return fmt.Errorf("%s: %w", place, err)
}
