package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/conversation/message"
)

func TestReadArchiveRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"conversation":{"user_key":"a"},"messages":[`
	for text, place := range map[string]string{
		``:                                    "line 1, column 0",
		`nonsense`:                            "line 1, column 2",
		head + "\n{\"role\":":                 "line 2",
		head + `]} more`:                      "line 1",
		`[]`:                                  "array",
		`{}`:                                  `no "conversation"`,
		`{"name":"x"}`:                        `no "conversation"`,
		`{"conversation":null,"messages":[]}`: `no "conversation"`,
		`{"conversation":{"user_key":"a"}}`:   `"messages"`,
		`{"conversation":{},"messages":[]}`:   "conversation: user_key",
		`{"conversation":{"user_key":7},"messages":[]}`:                    "conversation: user_key is a JSON number",
		`{"conversation":{"user_key":"a","created_at":"x"},"messages":[]}`: `conversation: created_at "x"`,
		head + `{"role":"user"},{"role":"robot"}]}`:                        `messages[1]: role "robot"`,
		head + `{"content":"x"}]}`:                                         `messages[0]: role ""`,
		head + `{"role":"user","tokens":-1}]}`:                             "messages[0]: tokens -1",
		head + `{"role":"user","tokens":1.5}]}`:                            "messages[0]: tokens is a JSON number",
		head + `{"role":"user","timestamp":"2025-02-30T10:00:00"}]}`:       "messages[0]: timestamp",
		head + `{"role":"user","timestamp":"2025-01-01T25:00:00Z"}]}`:      "messages[0]: timestamp",
		head + `{"role":"user","timestamp":"0001-01-01T00:00:00Z"}]}`:      "messages[0]: timestamp",
		head + `{"role":"user","timestamp":1736330400}]}`:                  "messages[0]: timestamp is a JSON number",
		head + `{"role":"user","metadata":[]}]}`:                           "messages[0]: metadata",
		head + `7]}`:                                                       "messages[0]",
	} {
		_, err := archive.Read(strings.NewReader(text))
		if !errors.Is(err, message.ErrInvalid) || !strings.Contains(err.Error(), place) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n got %v\nwant %s", text, err, place)
		}
		var a archive.Archive
		if err := json.Unmarshal([]byte(text), &a); err == nil {
			t.Errorf("%s was unmarshalled", text)
		}
	}
}

func TestReadArchiveAccepts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"\ufeff" + `{"conversation":{"user_key":"a"},"messages":[]}`,
		` {"messages":[{"role":"tool","further":1}],"conversation":{"user_key":"a","further":{}},"sha256":"x"} `,
	} {
		if _, err := archive.Read(strings.NewReader(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What is read can be written and read again, and is the same.
func FuzzReadArchive(f *testing.F) {
	f.Add([]byte(`{"conversation":{"user_key":"a","created_at":"2025-01-08T10:00:00Z","summary":null},"messages":[{"role":"user","content":"x","timestamp":"2025-01-08 10:00:00.5","tokens":1,"metadata":{"n":1e3}}]}`))
	f.Add([]byte(`{"conversation":{"user_key":"\u0000"},"messages":[{"role":"tool","timestamp":null,"metadata":{"a":[null,{}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := archive.Read(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, message.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if len(a.Messages) > 0 && a.Messages[0].Timestamp.IsZero() {
			return // is the time of its import
		}
		if a.Conversation.CreatedAt.IsZero() || a.Conversation.LastActivity.IsZero() {
			return
		}
		first, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		again, err := archive.Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("%v in %s", err, first)
		}
		second, err := json.Marshal(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%v\n%s\n%s", err, first, second)
		}
	})
}
