package conversationtest

import (
	"fmt"
	"testing"

	"github.com/parley-bot/parley/conversation"
)

func historyLimits(t *testing.T, s Store) {
	c, ctx := fresh(t, s), t.Context()
	empty, err := s.LoadHistory(ctx, c.ID, conversation.HistoryOptions{})
	must(t, err)
	equal(t, "empty", len(empty), 0)
	say(t, s, c.ID, "uauau") // 1 token each: turns of 2, 2 and 1
	for _, c2 := range []struct {
		turns, tokens int
		want          string
	}{
		{0, 0, "u0 a1 u2 a3 u4"},
		{1, 0, "u4"},
		{2, 0, "u2 a3 u4"},
		{3, 0, "u0 a1 u2 a3 u4"},
		{100, 0, "u0 a1 u2 a3 u4"},
		{0, 1, "u4"},
		{0, 2, "u4"},
		{0, 3, "u2 a3 u4"},
		{0, 4, "u2 a3 u4"},
		{0, 5, "u0 a1 u2 a3 u4"},
		{0, 100, "u0 a1 u2 a3 u4"},
		{2, 100, "u2 a3 u4"},
		{2, 1, "u4"},
		{1, 5, "u4"},
		{3, 3, "u2 a3 u4"},
	} {
		got, err := s.LoadHistory(ctx, c.ID, conversation.HistoryOptions{MaxTurns: c2.turns, MaxTokens: c2.tokens})
		must(t, err)
		equal(t, fmt.Sprintf("turns %d, tokens %d", c2.turns, c2.tokens), contents(got), c2.want)
	}
	for _, bad := range []conversation.HistoryOptions{{MaxTurns: -1}, {MaxTokens: -1}} {
		_, err := s.LoadHistory(ctx, c.ID, bad)
		wantErr(t, err, conversation.ErrInvalid)
	}
	big, err := s.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: "big", Tokens: 1000})
	must(t, err)
	got, err := s.LoadHistory(ctx, c.ID, conversation.HistoryOptions{MaxTokens: 10})
	must(t, err)
	equal(t, "the newest turn is always there", got, []conversation.Message{*big})
}

func historyTurns(t *testing.T, s Store) {
	for roles, want := range map[string][]string{ // by number of turns, from 1
		"sau":     {"u2", "s0 a1 u2", "s0 a1 u2"},
		"sa":      {"s0 a1", "s0 a1"},
		"uu":      {"u1", "u0 u1"},
		"uaasua":  {"u4 a5", "u0 a1 a2 s3 u4 a5"},
		"suauasa": {"u3 a4 s5 a6", "u1 a2 u3 a4 s5 a6", "s0 u1 a2 u3 a4 s5 a6"},
	} {
		key := keyOf(t)
		key.ChatID = roles
		c, err := s.GetOrCreate(t.Context(), key)
		must(t, err)
		say(t, s, c.ID, roles)
		for i, w := range want {
			got, err := s.LoadHistory(t.Context(), c.ID, conversation.HistoryOptions{MaxTurns: i + 1})
			must(t, err)
			equal(t, fmt.Sprintf("%s, %d turns", roles, i+1), contents(got), w)
		}
	}
}

// Histories longer than one page of reading.
func historyPages(t *testing.T, s Store) {
	a := archiveOf(keyOf(t), longAgo(), 700)
	for i := range a.Messages {
		a.Messages[i].Content = fmt.Sprint(i)
	}
	c, err := s.Import(t.Context(), a, conversation.ImportNew)
	must(t, err)
	for _, turns := range []int{1, 10, 32, 33, 100, 349, 350, 0} {
		got, err := s.LoadHistory(t.Context(), c.ID, conversation.HistoryOptions{MaxTurns: turns})
		must(t, err)
		want := 2 * turns
		if turns == 0 {
			want = 700
		}
		if len(got) != want {
			t.Errorf("%d turns: %d messages", turns, len(got))
		}
		for i := range got {
			equal(t, "content", got[i].Content, fmt.Sprint(700-want+i))
		}
	}
	got, err := s.LoadHistory(t.Context(), c.ID, conversation.HistoryOptions{MaxTokens: 3 * 501})
	must(t, err)
	equal(t, "within 1503 tokens", len(got), 500)
	// One turn that is longer than a page.
	long := archiveOf(keyOf(t), longAgo(), 300)
	long.Conversation.ChatID = "one turn"
	for i := 1; i < 300; i++ {
		long.Messages[i].Role = conversation.RoleAssistant
	}
	if c, err = s.Import(t.Context(), long, conversation.ImportNew); err != nil {
		t.Fatal(err)
	}
	got, err = s.LoadHistory(t.Context(), c.ID, conversation.HistoryOptions{MaxTurns: 1, MaxTokens: 1})
	must(t, err)
	equal(t, "one long turn", len(got), 300)
}

// call is an assistant's message with tool calls.
func call(content string, ids ...string) conversation.Message {
	var calls []any
	for _, id := range ids {
		calls = append(calls, map[string]any{
			"id": id, "type": "function", "function": map[string]any{"name": "weather", "arguments": "{}"},
		})
	}
	return conversation.Message{Role: conversation.RoleAssistant, Content: content, Metadata: map[string]any{"tool_calls": calls}}
}

func result(content, id string) conversation.Message {
	return conversation.Message{
		Role: conversation.RoleTool, Content: content,
		Metadata: map[string]any{"tool_call_id": id, "tool_name": "weather"},
	}
}

func user(content string) conversation.Message {
	return conversation.Message{Role: conversation.RoleUser, Content: content}
}

// Case 10: an orphaned tool result is refused by the provider for ever after.
func toolPairs(t *testing.T, s Store) {
	for name, c := range map[string]struct {
		msgs  []conversation.Message
		turns int
		want  string
	}{
		"a pair":              {[]conversation.Message{user("u"), call("", "1"), result("r", "1")}, 0, "u [1] r"},
		"two calls":           {[]conversation.Message{user("u"), call("", "1", "2"), result("r2", "2"), result("r1", "1")}, 0, "u [1 2] r2 r1"},
		"no result":           {[]conversation.Message{user("u"), call("", "1")}, 0, "u"},
		"no result, but text": {[]conversation.Message{user("u"), call("text", "1")}, 0, "u text"},
		"one of two results":  {[]conversation.Message{user("u"), call("", "1", "2"), result("r", "2")}, 0, "u [2] r"},
		"no call":             {[]conversation.Message{user("u"), result("r", "1"), user("v")}, 0, "u v"},
		"no id":               {[]conversation.Message{user("u"), {Role: conversation.RoleTool, Content: "r"}}, 0, "u"},
		"result before call":  {[]conversation.Message{user("u"), result("r", "1"), call("", "1")}, 0, "u"},
		"second result":       {[]conversation.Message{user("u"), call("", "1"), result("r", "1"), result("again", "1")}, 0, "u [1] r"},
		"an id used again": {
			[]conversation.Message{user("u"), call("", "1"), result("r", "1"), call("", "1"), result("s", "1")}, 0, "u [1] r [1] s",
		},
		"cut between":       {[]conversation.Message{user("u"), call("", "1"), user("v"), result("r", "1")}, 1, "v"},
		"before any user":   {[]conversation.Message{call("", "1"), result("r", "1"), user("u")}, 0, "[1] r u"},
		"orphan before all": {[]conversation.Message{result("r", "1"), user("u"), user("v")}, 3, "u v"},
	} {
		key := keyOf(t)
		key.ChatID = name
		conv, err := s.GetOrCreate(t.Context(), key)
		must(t, err)
		for _, m := range c.msgs {
			_, err := s.SaveMessage(t.Context(), conv.ID, m)
			must(t, err)
		}
		got, err := s.LoadHistory(t.Context(), conv.ID, conversation.HistoryOptions{MaxTurns: c.turns})
		must(t, err)
		for i := range got {
			if calls, ok := got[i].Metadata["tool_calls"].([]any); ok {
				ids := make([]any, len(calls))
				for n, one := range calls {
					fields, _ := one.(map[string]any)
					ids[n] = fields["id"]
				}
				got[i].Content += fmt.Sprint(ids)
			}
		}
		equal(t, name, contents(got), c.want)
	}
}
