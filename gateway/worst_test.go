package gateway_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
	"github.com/parley-bot/parley/platforms"
)

// most is the longest answer of these tests.
const most = 64 << 10

// wide fills n bytes with characters of four.
func wide(n int) string { return strings.Repeat("😀", n/4) }

// worst are the options with the most and longest there may be to choose from.
func worst() options {
	o := profile.Options{DefaultModel: "openai:default", Personas: map[string]string{}}
	for i := range 2000 {
		o.Models = append(o.Models, fmt.Sprint("openai:", i, wide(200)))
		o.Personas[fmt.Sprint(i, wide(200))] = "prompt"
	}
	return options{owner: "me", commands: commands.Options{MaxAnswer: most}, choose: o, workers: 4}
}

// fillWorst stores the worst that there can be: what an earlier version kept of
// /history, texts and metadata without an end, as many facts as there may be,
// the longest names, reasons and preferences.
func (w *world) fillWorst() {
	t, ctx := w.t, w.t.Context()
	t.Helper()
	conv, err := w.store.GetOrCreate(ctx, conversation.Key{UserKey: platforms.UserKey("silent", platforms.Group, "*"), Platform: "silent", ChatID: "room"})
	if err != nil {
		t.Fatal(err)
	}
	keep := func(m conversation.Message) {
		if _, err := w.store.SaveMessage(ctx, conv.ID, m); err != nil {
			t.Fatal(err)
		}
	}
	command := map[string]any{"command": "history"}
	for i := range 110 {
		keep(conversation.Message{Role: conversation.RoleUser, Content: wide(4000), Tokens: 10, Metadata: map[string]any{"sender_name": wide(252), "event_id": fmt.Sprint(i)}})
		if i%30 == 0 {
			keep(conversation.Message{Role: conversation.RoleAssistant, Content: wide(6 << 20), Metadata: command})
			keep(conversation.Message{Role: conversation.RoleAssistant, Content: wide(2 << 20), Metadata: map[string]any{"note": wide(1 << 20)}})
		}
	}
	w.fillMemory()
}

func (w *world) fillMemory() {
	place := memory.PlaceOf(memory.Person{Platform: "silent", SenderID: "ann"}, true, "room")
	ann := memory.Person{Platform: "silent", SenderID: "ann"}
	var all []memory.Change
	for i := range memory.MaxFacts {
		value := "short"
		if i >= memory.MaxFacts-200 { // more than are shown, and the newest
			value = wide(memory.MaxFactValueBytes)
		}
		all = append(all, memory.Remember{Place: place, Key: fmt.Sprint("fact ", i, " ", wide(200)), Value: value, Author: ann})
	}
	for i := range 12 {
		p := memory.Person{Platform: "silent", SenderID: fmt.Sprint("p", i)}
		all = append(all, memory.Seen{Person: p, Name: fmt.Sprint(i, wide(248))}, memory.SetPreference{Person: ann, Key: fmt.Sprint(i), Value: wide(memory.MaxValueBytes)})
		for _, who := range []memory.Person{ann, p} {
			all = append(all, memory.AddScore{Place: place, Board: memory.Kudos, Person: who, N: 1, Reason: wide(memory.MaxReasonBytes), By: p})
		}
	}
	for i := 0; i < len(all); i += 500 {
		part := all[i:min(len(all), i+500)]
		effect := memory.Effect{ID: fmt.Sprint("fill", i), At: time.Now()}
		if _, err := memorytest.Apply(w.t.Context(), w.db, w.memory, effect, part...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Each command again and again on the worst data there can be: no answer is
// longer than gateway.max_reply, and what is stored of them does not grow.
// What grows with what was said before does so from the second round on;
// PARLEY_WORST_ROUNDS asks for more rounds.
func TestNoAnswerGrowsWithoutBound(t *testing.T) {
	t.Parallel()
	rounds := int64(4)
	if text := os.Getenv("PARLEY_WORST_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := process(t, db, &model{reply: repeating}, &chat{}, worst())
		w.change(func(o *turn.Options) { o.MaxReply, o.HistoryTokens, o.HistoryTurns = most, 8000, 20 })
		w.fillWorst()
		w.start()
		before, round := stored(t, db), int64(0)
		for n := range rounds {
			for i, text := range []string{
				"/history 100", "/export", "/load 3", "/save x " + wide(1000), "/remember search fact", "/remember fact 7 " + wide(200), "/remember new is " + wide(5000),
				"/forget " + wide(3000), "/kudos", "/kudos @p1 for " + wide(900), "/leaderboard", "/stats", "/stats commands", "/tokens", "/model", "/model " + wide(9000),
				"/persona", "/help", "/forget-me nonsense", "/" + strings.Repeat("x", 9000), "a question",
			} {
				a := w.accept(message("silent", fmt.Sprint("e", n, "-", i), "ann", text))[0]
				s := w.final(a)
				if s.Reply == nil || len(s.Reply.Text) > most || !utf8.ValidString(s.Reply.Text) || s.Reply.Text == "" {
					t.Fatalf("%.30s, time %d: %s with %d bytes", text, n, s.Status, len(s.Reply.Text))
				}
			}
			if n == 0 {
				round = stored(t, db) - before
			}
		}
		if grown := stored(t, db) - before; grown > rounds*round+round/30*rounds {
			t.Errorf("the last rounds stored more than the first: %d bytes in %d, %d in one", grown, rounds, round)
		}
		if round > 2<<20 {
			t.Errorf("one round of commands stores %d bytes", round)
		}
	})
}

// stored is how many bytes all messages have.
func stored(t *testing.T, db *database.DB) (n int64) {
	t.Helper()
	if err := db.Read().QueryRowContext(t.Context(), "SELECT SUM(octet_length(content)) FROM messages").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A history of messages without an end takes no more memory than one of short ones.
func TestHistoryOfHugeMessagesIsFlat(t *testing.T) {
	db := dbtest.New(t)
	w := process(t, db, &model{reply: repeating}, &chat{}, options{owner: "me"})
	w.change(func(o *turn.Options) {
		o.MaxReply, o.HistoryTokens, o.HistoryTurns, o.Busy = most, 8000, 20, turn.BusyQueue
	})
	key := conversation.Key{UserKey: platforms.UserKey("silent", platforms.Group, "*"), Platform: "silent", ChatID: "room"}
	conv, err := w.store.GetOrCreate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	huge := wide(64 << 20)
	for i := range 3 {
		role := []conversation.Role{conversation.RoleUser, conversation.RoleAssistant}[i%2]
		if _, err := w.store.SaveMessage(t.Context(), conv.ID, conversation.Message{Role: role, Content: huge}); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	for i, text := range []string{"/history", "a question", "/export", "/history 100"} {
		before := allocated()
		s := w.final(w.accept(message("silent", fmt.Sprint("e", i), "ann", text))[0])
		if s.Reply == nil || len(s.Reply.Text) > most {
			t.Fatalf("%s: %s", text, s.Status)
		}
		if took := allocated() - before; took > 48<<20 {
			t.Errorf("%s took %d MiB of memory", text, took>>20)
		}
	}
}

// The state of an event whose reply an earlier version made without an end is
// told without reading that.
func TestStatusOfAHugeReply(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := process(t, db, &model{reply: repeating}, &chat{}, options{owner: "me"})
		w.start()
		a := w.accept(message("silent", "e1", "ann", "hello"))[0]
		w.final(a)
		if _, err := db.Maintenance().ExecContext(t.Context(), "UPDATE deliveries SET text = ?", wide(9<<20)); err != nil {
			t.Fatal(err)
		}
		if s := w.final(a); s.Reply == nil || s.Reply.Text != "…" {
			t.Errorf("%s with %d bytes", s.Status, len(s.Reply.Text))
		}
	})
}
