package conversation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// TestImportIsBounded gives an import what would fill the memory: each is
// refused with its place and nothing is stored.
func TestImportIsBounded(t *testing.T) {
	t.Parallel()
	s, err := conversation.Open(t.Context(), conversation.Options{DBURL: dbtest.URL(t, database.SQLite)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const head = `{"conversation":{"user_key":"slack:private:alice","platform":"slack"},"messages":[`
	huge := strings.Repeat("a", 17<<20)
	for name, c := range map[string]struct{ text, want string }{
		"a message":  {head + "\n" + `{"role":"user","content":"` + huge + `"}]}`, "line 2, column 1: a message, or another value, is larger than 16 MiB"},
		"a name":     {head + `],"` + huge + `":1}`, "is larger than 16 MiB"},
		"a value":    {head + `],"more":"` + huge + `"}`, "is larger than 16 MiB"},
		"blanks":     {head + strings.Repeat(" ", 17<<20) + `]}`, "is larger than 16 MiB"},
		"metadata":   {head + `{"role":"user","content":"x","metadata":{"a":"` + huge[:1<<20] + `"}}]}`, "messages[0]: metadata is larger than 1 MiB"},
		"much later": {head + strings.Repeat(`{"role":"user","content":"x"},`, 9) + `{"role":"user","content":"` + huge + `"}]}`, "is larger than 16 MiB"},
	} {
		_, err := s.ImportFrom(t.Context(), strings.NewReader(c.text), int64(len(c.text)), conversation.ImportNew, nil)
		if !errors.Is(err, conversation.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	stats, err := s.Stats(t.Context())
	if err != nil || stats.TotalConversations != 0 {
		t.Errorf("%d conversations are stored, %v", stats.TotalConversations, err)
	}
	fits := head + strings.Repeat(`{"role":"user","content":"`+huge[:12<<20]+`"},`, 2) + `{"role":"user","content":"x"}]}`
	c, err := s.ImportFrom(t.Context(), strings.NewReader(fits), int64(len(fits)), conversation.ImportNew, nil)
	if err != nil || c.MessageCount != 3 {
		t.Errorf("what fits: %v", err)
	}
}
