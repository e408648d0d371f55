package conversationtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
)

// searching looks for messages of a conversation; the order is the same everywhere.
func searching(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	c, err := s.GetOrCreate(ctx, keyOf(t))
	must(t, err)
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	said := []conversation.Message{
		{Role: conversation.RoleUser, Content: "Where did you spend your holidays?"},
		{Role: conversation.RoleAssistant, Content: "I hiked along the coast of Portugal."},
		{Role: conversation.RoleUser, Content: "My sister Anna adopted two kittens.", Author: "generic:group:anna", Metadata: map[string]any{message.MetaSenderName: "Anna"}},
		{Role: conversation.RoleUser, Content: "/history kittens", Metadata: map[string]any{message.MetaCommand: "history"}},
		{Role: conversation.RoleTool, Content: "kittens", Metadata: map[string]any{message.MetaToolCallID: "1"}},
		{Role: conversation.RoleUser, Content: "明天我要去北京开会,讨论新产品的预算。"},
		{Role: conversation.RoleAssistant, Content: ""},
		{Role: conversation.RoleUser, Content: "我的猫喜欢睡在窗台上。"},
		{Role: conversation.RoleUser, Content: "The invoices are due on Friday: O'Neill pays them."},
	}
	for i := range said {
		said[i].Timestamp = day.AddDate(0, 0, 3*i)
		msg, err := s.SaveMessage(ctx, c.ID, said[i])
		must(t, err)
		said[i] = *msg
	}
	for _, tt := range []struct {
		o    conversation.SearchOptions
		want []int // places in said, best first
	}{
		{conversation.SearchOptions{Query: "portugal"}, []int{1}},
		{conversation.SearchOptions{Query: "Who was hiking on coasts?"}, []int{1}},
		{conversation.SearchOptions{Query: "kitten"}, []int{2}},
		{conversation.SearchOptions{Query: "北京的会议预算是什么?"}, []int{5}},
		{conversation.SearchOptions{Query: "猫"}, []int{7}},
		{conversation.SearchOptions{Query: "oneill invoice"}, []int{8}},
		{conversation.SearchOptions{Query: "holiday kittens portugal invoice", Limit: 2}, []int{2, 1}},
		{conversation.SearchOptions{Query: "holiday kittens portugal invoice", Author: "generic:group:anna"}, []int{2}},
		{conversation.SearchOptions{Query: "holiday kittens portugal invoice", Author: "anna"}, []int{2}},
		{conversation.SearchOptions{Query: "holiday kittens portugal invoice", Since: day.AddDate(0, 0, 3), Until: day.AddDate(0, 0, 6)}, []int{1}},
		{conversation.SearchOptions{Query: "7 May 2026"}, []int{2}},
		{conversation.SearchOptions{Query: "zebra"}, nil},
		{conversation.SearchOptions{Query: "?!"}, nil},
	} {
		found, err := s.Search(ctx, c.ID, tt.o)
		must(t, err)
		var got []int
		for i, f := range found {
			got = append(got, slices.IndexFunc(said, func(m conversation.Message) bool { return m.ID == f.ID && m.Content == f.Content }))
			if f.Score <= 0 || i > 0 && f.Score > found[i-1].Score {
				t.Errorf("%+v: score %v in place %d", tt.o, f.Score, i)
			}
		}
		if len(got) < len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want) || tt.want == nil && got != nil {
			t.Errorf("%+v: got %v, want %v", tt.o, got, tt.want)
		}
	}
	if _, err := s.Search(ctx, c.ID, conversation.SearchOptions{Query: " \n"}); !errors.Is(err, conversation.ErrInvalid) {
		t.Errorf("an empty search: %v", err)
	}
	if _, err := s.Search(ctx, 1<<40, conversation.SearchOptions{Query: "x"}); !errors.Is(err, conversation.ErrNotFound) {
		t.Errorf("of no conversation: %v", err)
	}
	must(t, s.Clear(ctx, c.ID))
	if found, err := s.Search(ctx, c.ID, conversation.SearchOptions{Query: "kittens"}); len(found) != 0 || err != nil {
		t.Errorf("after it was cleared: %v, %v", found, err)
	}
}

// searchingMany finds a few among many messages, whether they are packed or not.
func searchingMany(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	c, err := s.GetOrCreate(ctx, keyOf(t))
	must(t, err)
	a := conversation.Archive{Conversation: *c}
	for i := range 1000 {
		a.Messages = append(a.Messages, conversation.Message{
			Role: conversation.RoleUser, Timestamp: time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC),
			Content: fmt.Sprintf("parcel %d went to customer %d", i, i%7),
		})
	}
	c, err = s.Import(ctx, a, conversation.ImportReplace)
	must(t, err)
	for _, n := range []int{0, 254, 255, 256, 511, 700, 999} {
		for range 2 { // the first search has the rest packed behind it
			found, err := s.Search(ctx, c.ID, conversation.SearchOptions{Query: fmt.Sprintf("parcel %d", n), Limit: 1})
			must(t, err)
			if len(found) != 1 || found[0].ID != int64(n+1) {
				t.Fatalf("parcel %d: %+v", n, found)
			}
		}
	}
}
