// Package conversationtest is the contract of package conversation as tests:
// one suite for every database and one for every Session.
package conversationtest

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
)

// Store is what is tested.
type Store = *conversation.PersistentConversationManager

// Test runs the whole suite. open returns a store with an empty database of
// its own, and closes it after the test.
func Test(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	shared := []test{
		{"one row for one identity", oneRow},
		{"40 new keys, 5 callers each", racingKeys},
		{"bytes decide", bytesDecide},
		{"keys that cannot be kept", badKeys},
		{"find", find},
		{"the latest of a user", byUser},
		{"settings", settings},
		{"not found", unknownIDs},
		{"save", save},
		{"save refuses", saveRefuses},
		{"8 savers, 25 messages each", racingSaves},
		{"metadata comes back", metadata},
		{"command marks", commands},
		{"clear", clearing},
		{"clear a long one", clearLong},
		{"delete", deleting},
		{"delete while saving", deleteWhileSaving},
		{"history limits", historyLimits},
		{"history turns", historyTurns},
		{"history pages", historyPages},
		{"tool calls are paired", toolPairs},
		{"message pages", messagePages},
		{"bounded reads", boundedReads},
		{"context", contextFrom},
		{"what stands beside", beside},
		{"export up to", exportUpTo},
		{"tokens used", tokensUsed},
		{"export", export},
		{"round trip", roundTrip},
		{"round trip of anything", anythingRoundTrips},
		{"round trip of every time zone", everyZone},
		{"import modes", importModes},
		{"import recounts", importRecounts},
		{"import from a file", importFromFile},
		{"import from a file refuses", importFromFileRefuses},
		{"import refuses", importRefuses},
		{"large import", largeImport},
		{"racing imports", racingImports},
		{"a cancelled import leaves nothing", cancelledImport},
		{"racing merges", racingMerges},
		{"a cancelled merge leaves nothing", cancelledMerge},
		{"search a conversation", searching},
		{"search many messages", searchingMany},
		{"vacuum", vacuum},
	}
	alone := []test{
		{"stats", stats},
		{"tenants", tenants},
		{"list", list},
		{"search", search},
		{"cleanup", cleanup},
		{"cleanup archives", cleanupArchives},
		{"backup and restore", backup},
		{"damaged backups", damagedBackups},
		{"an interrupted backup goes on", backupGoesOn},
		{"an interrupted restore goes on", restoreGoesOn},
	}
	one := open(t)
	for _, c := range shared {
		t.Run(c.name, func(t *testing.T) { c.run(t, one) })
	}
	for _, c := range alone {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
	t.Run("session", func(t *testing.T) {
		opened := 0
		TestSession(t, func(t *testing.T) conversation.Session {
			t.Helper()
			key := keyOf(t)
			opened++
			key.ThreadID = strconv.Itoa(opened)
			c, err := one.GetOrCreate(t.Context(), key)
			must(t, err)
			s, err := one.Session(t.Context(), c.ID)
			must(t, err)
			return s
		})
	})
}

type test struct {
	name string
	run  func(t *testing.T, s Store)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// keyOf returns a key that no other test uses.
func keyOf(t *testing.T) conversation.Key {
	t.Helper()
	return conversation.Key{UserKey: "generic:private:" + escape(t.Name()), Platform: "generic", ChatID: "chat"}
}

// escape keeps a test's name within one part of a user key.
func escape(name string) string {
	out := []rune(name)
	for i, r := range out {
		if r == ':' || r == '%' {
			out[i] = '-'
		}
	}
	return string(out)
}

// fresh returns a new conversation.
func fresh(t *testing.T, s Store) *conversation.Conversation {
	t.Helper()
	c, err := s.GetOrCreate(t.Context(), keyOf(t))
	must(t, err)
	return c
}

// say saves messages and returns them; roles cycle through the first letters u, a, s, t.
func say(t *testing.T, s Store, id int64, roles string) []conversation.Message {
	t.Helper()
	var saved []conversation.Message
	for i, r := range roles {
		role := map[rune]conversation.Role{
			'u': conversation.RoleUser, 'a': conversation.RoleAssistant, 's': conversation.RoleSystem, 't': conversation.RoleTool,
		}[r]
		m, err := s.SaveMessage(t.Context(), id, conversation.Message{Role: role, Content: string(r) + string(rune('0'+i)), Tokens: 1})
		must(t, err)
		saved = append(saved, *m)
	}
	return saved
}

func contents(msgs []conversation.Message) string {
	list := make([]string, len(msgs))
	for i := range msgs {
		list[i] = msgs[i].Content
	}
	return strings.Join(list, " ")
}

// all returns every message of a conversation.
func all(t *testing.T, s Store, id int64) []conversation.Message {
	t.Helper()
	a, err := s.Export(t.Context(), id)
	must(t, err)
	return a.Messages
}

// archiveOf returns an archive with n messages, user and assistant in turn, a
// second apart, 3 tokens each.
func archiveOf(key conversation.Key, start time.Time, n int) conversation.Archive {
	a := conversation.Archive{Conversation: conversation.Conversation{
		UserKey: key.UserKey, Platform: key.Platform, ChatID: key.ChatID, Tenant: key.Tenant, ThreadID: key.ThreadID,
		CreatedAt: start, LastActivity: start.Add(time.Duration(n) * time.Second),
	}}
	for i := range n {
		role := conversation.RoleUser
		if i%2 == 1 {
			role = conversation.RoleAssistant
		}
		a.Messages = append(a.Messages, conversation.Message{
			Role: role, Content: "message", Timestamp: start.Add(time.Duration(i) * time.Second), Tokens: 3,
		})
	}
	return a
}

// longAgo is a fixed time with microseconds.
func longAgo() time.Time { return time.Date(2025, 1, 8, 10, 0, 0, 123456000, time.UTC) }
