package app

import (
	"maps"
	"slices"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/migrations"
)

// Every table is in a backup, in a file of its own or in those of conversations, or
// here is why nobody would miss it.
func TestBackupKnowsEveryTable(t *testing.T) {
	t.Parallel()
	const conversations = "" // their own files
	held := map[string]string{
		"conversations": conversations, "messages": conversations,
		"people": "people", "user_preferences": "preferences", "memory_facts": "facts", "memory_points": "scores", "memory_reasons": "reasons",
		"memory_commands": "commands", "token_ledger": "tokens", "budget_counts": "budgets", "budgets": "periods", "usage_daily": "usage",
		"pairings": "pairings", "tool_servers": "tool-servers", "tool_pins": "tool-pins",
	}
	left := map[string]string{
		"events":         "the replies of another database are not this one's to send",
		"lanes":          "the queues of events",
		"deliveries":     "replies on their way",
		"delivery_parts": "replies on their way",
		"signs":          "what shows in chats while a reply is made",
		"threads":        "followed again from the next mention on; its hashes belong to the ledger",
		"turn_steps":     "of turns that are going on, whose events are not there",
		"approvals":      "a yes that was given after the backup would count again",
		"budget_holds":   "of calls that are being made",
		"compactions":    "made again when the window is full",
		"message_blocks": "built again out of the messages",
		"memory_effects": "guards against the repeats of events that are not there",
		"erasures":       "what is erased after a backup is to be erased again after its restore, see docs/backup.md",
		"pairing_apps":   "held while a code is made",
		"sign_ins":       "signing in again is safer",
		"job_runs":       "what has run",
		"replicas":       "what runs now",
	}
	for _, table := range migrations.Tables() {
		_, in := held[table]
		_, out := left[table]
		if in == out {
			t.Errorf("%s: is it in a backup, and if not, why not?", table)
		}
		delete(left, table)
	}
	for table := range left {
		t.Errorf("there is no table %s", table)
	}

	db := dbtest.New(t)
	store, err := conversation.New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	files := []string{conversations}
	for _, p := range keeper(db, store, memory.New(db), usage.New(db), "v1").Parts {
		files = append(files, p.Title())
	}
	slices.Sort(files)
	if want := slices.Compact(slices.Sorted(maps.Values(held))); !slices.Equal(files, want) {
		t.Errorf("a backup has %q, want %q", files, want)
	}
}
