package turn

import (
	"slices"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/platforms"
)

// What is asked now may be stored already. Whoever stored it, each message is
// given once and in order, and the last one is to be answered.
func TestGiven(t *testing.T) {
	t.Parallel()
	user := func(id string) conversation.Message {
		return conversation.Message{Role: conversation.RoleUser, Content: id, Metadata: map[string]any{"event_id": id}}
	}
	bot := func(text string) conversation.Message {
		return conversation.Message{Role: conversation.RoleAssistant, Content: text}
	}
	cut := func(text string) conversation.Message {
		m := bot(text)
		m.Metadata = map[string]any{message.MetaInterrupted: true}
		return m
	}
	type list = []conversation.Message
	for name, c := range map[string]struct {
		history     list
		events      []string // asked about; those with a "+" are stored
		before, ask []string
	}{
		"nothing stored":               {list{user("1"), bot("a")}, []string{"2", "3"}, []string{"1", "a"}, []string{"2", "3"}},
		"nothing at all":               {nil, []string{"1"}, nil, []string{"1"}},
		"interrupted":                  {list{user("1"), bot("a"), user("2"), cut("b")}, []string{"2+", "3"}, []string{"1", "a"}, []string{"2", "b", "3"}},
		"interrupted twice":            {list{user("1"), cut("a"), user("2"), cut("b")}, []string{"1+", "2+", "3"}, nil, []string{"1", "a", "2", "b", "3"}},
		"the first fell out of window": {list{user("2"), cut("b")}, []string{"1+", "2+", "3"}, nil, []string{"1", "2", "b", "3"}},
		"interrupted, then alone":      {list{user("1"), cut("a")}, []string{"1+"}, nil, []string{"1"}},
		"history was cleared":          {nil, []string{"1+", "2"}, nil, []string{"1", "2"}},
		"replayed at once":             {list{bot("z"), user("1")}, []string{"1+"}, []string{"z"}, []string{"1"}},
		"replayed later":               {list{user("1"), user("2"), bot("b")}, []string{"1+"}, []string{"2", "b"}, []string{"1"}},
		"another event of that name":   {list{user("1"), bot("a")}, []string{"1"}, []string{"1", "a"}, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &inbox.Work{}
			var asked list
			for _, id := range c.events {
				e := inbox.Event{}
				if id[len(id)-1] == '+' {
					id, e.ConversationID = id[:len(id)-1], 1
				}
				e.Event = platforms.Event{ID: id}
				w.Events = append(w.Events, e)
				asked = append(asked, user(id))
			}
			before, ask := given(slices.Clone(c.history), asked, w)
			for what, pair := range map[string][2][]string{"before": {contents(before), c.before}, "to answer": {contents(ask), c.ask}} {
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s: got %q, want %q", what, pair[0], pair[1])
				}
			}
		})
	}
}

func contents(messages []conversation.Message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Content)
	}
	return list
}
