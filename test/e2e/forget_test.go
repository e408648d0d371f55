package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// What the person who is forgotten is called, and says.
const (
	zeldaID   = "U0ZELDA77"
	zeldaName = "zelda-quux"
	zeldaWord = "xylophone"
)

// traces returns where a database holds one of the needles, whatever its case:
// every column of every table, text or not.
func traces(t *testing.T, url string, needles ...string) []string {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var found []string
	for _, table := range tablesOf(t, db) {
		var rows []map[string]any
		if err := db.Read().NewRaw("SELECT * FROM "+table).Scan(t.Context(), &rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for column, value := range row {
				text := fmt.Sprint(value)
				if raw, ok := value.([]byte); ok {
					text = string(raw)
				}
				for _, needle := range needles {
					if strings.Contains(strings.ToLower(text), strings.ToLower(needle)) {
						found = append(found, fmt.Sprintf("%s.%s holds %s: %.200s", table, column, needle, text))
					}
				}
			}
		}
	}
	return found
}

func tablesOf(t *testing.T, db *database.DB) []string {
	t.Helper()
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	switch db.Engine() {
	case database.SQLite:
		query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	case database.MySQL:
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = database()"
	case database.Postgres:
	}
	var tables []string
	if err := db.Read().NewRaw(query).Scan(t.Context(), &tables); err != nil {
		t.Fatal(err)
	}
	if len(tables) < 10 {
		t.Fatalf("found only the tables %v", tables)
	}
	return tables
}

// gone waits until the database holds nothing of the needles any more.
func gone(t *testing.T, url string, needles ...string) {
	t.Helper()
	until(t, func() []string { return traces(t, url, needles...) })
}

// until looks again and again until nothing is left.
func until(t *testing.T, look func() []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		left := look()
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still there:\n%s", strings.Join(left, "\n"))
		case <-tick.C:
		}
	}
}

// held fails unless each needle is found, so that what finds nothing later is
// known to look.
func held(t *testing.T, url string, tables []string, needles ...string) {
	t.Helper()
	for _, needle := range needles {
		found := traces(t, url, needle)
		for _, table := range tables {
			if !slices.ContainsFunc(found, func(one string) bool { return strings.HasPrefix(one, table+".") }) {
				t.Errorf("%s is not in %s: the test would prove nothing", needle, table)
			}
		}
	}
}

// zelda says everything that leaves a trace, on Slack.
type zelda struct {
	t *testing.T
	w *world
	s *server
	n int
}

// says sends a body twice, and waits for the answer where there is to be one.
func (z *zelda) says(body []byte, answered bool) string {
	z.t.Helper()
	for range 2 {
		if a := z.s.slackEvent(body); a.status != http.StatusOK {
			z.t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if !answered {
		return ""
	}
	z.n++
	return slackAnswer(z.t, z.w, z.n)
}

func (z *zelda) event(kind string, n int, text string) []byte {
	return fakeslack.MessageEvent(fakeslack.Event{
		User: zeldaID, TS: fmt.Sprintf("1700000%03d.000100", n), Text: text, ChannelType: kind,
	})
}

func (z *zelda) command(n int, text string) []byte {
	return fakeslack.SlashCommand(fakeslack.Command{
		Command: "/parley", Text: text, User: zeldaID, UserName: zeldaName, Channel: "D00000001", ChannelName: "directmessage",
		TriggerID: fmt.Sprint("1334.7384.", n), ResponseURL: z.w.slack.NewResponseURL(),
	})
}

// Nothing of a person is left in any column of any table, on any database, once
// the answer is sent: also when the process ends right after the answer, and
// when the platform repeats an old event afterwards.
func TestForgetMeLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		for _, scope := range []string{"thread", "room"} {
			t.Run(fmt.Sprint(engine, " ", scope), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.database = dbtest.URL(t, engine)
				forgetZelda(t, w, func(c *config.Config) {
					commandConfig(c)
					c.AI.ConversationPersistence.Scope = scope
				})
			})
		}
	}
}

func forgetZelda(t *testing.T, w *world, change func(*config.Config)) {
	t.Helper()
	s := w.start(t, change)
	z := &zelda{t: t, w: w, s: s}
	first := z.event("im", 1, "my "+zeldaWord+" is loud")
	z.says(first, true)
	z.says(z.event("channel", 2, "nobody asked: "+zeldaWord), false) // ignored, and in the ledger
	group := fakeslack.Event{User: zeldaID, TS: "1700000003.000100", Text: fakeslack.Mention("") + " the " + zeldaWord + " again"}
	z.says(fakeslack.MentionEvent(group), true)
	group.TS, group.User, group.Text = "1700000004.000100", "U00000009", fakeslack.Mention("")+" bassoon, please"
	z.says(fakeslack.MentionEvent(group), true)
	for i, text := range []string{
		"save instrument " + zeldaWord, "remember " + zeldaWord + " is " + zeldaName, "kudos @somebody for the " + zeldaWord,
		"remember " + zeldaWord, "load instrument",
	} {
		z.says(z.command(i, text), true)
	}
	held(t, w.database, []string{"events", "deliveries", "messages"}, zeldaWord)
	held(t, w.database, []string{"events", "people", "user_preferences", "conversations"}, zeldaID)
	held(t, w.database, []string{"events", "people"}, zeldaName)
	if got := z.says(z.command(50, "forget-me"), true); !strings.HasPrefix(got, "This will erase everything") {
		t.Error(got)
	}
	z.says(z.command(51, "forget-me yes"), true)
	s.stop()
	z.s = w.start(t, change)
	gone(t, w.database, zeldaID, zeldaName, zeldaWord)
	if len(traces(t, w.database, "bassoon")) == 0 {
		t.Error("what somebody else said is gone, too")
	}
	// Every old event is still known.
	calls, shown := len(w.openai.Calls()), len(w.slack.Messages())
	for _, body := range [][]byte{first, z.command(51, "forget-me yes")} {
		z.says(body, false)
	}
	if got := z.says(z.command(60, "load instrument"), true); got != "No preference found with key 'instrument'" {
		t.Error(got)
	}
	if len(w.openai.Calls()) != calls || len(w.slack.Messages()) != shown+1 {
		t.Errorf("a repeated event was answered again: %v", w.slack.Texts())
	}
}

// Who was let in with a code and is erased is in no table either, and unknown
// again from the next message on.
func TestForgetMeUnpairs(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(fmt.Sprint(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			s := w.start(t, func(c *config.Config) {
				commandConfig(c)
				pairing(c)
			})
			z := &zelda{t: t, w: w, s: s}
			code := regexp.MustCompile(`[2-9A-HJ-NP-Z]{8}`)
			first := code.FindString(z.says(z.command(1, "stats"), true))
			if a := s.admin(http.MethodPost, "pairings/"+first+"/approve"); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			held(t, w.database, []string{"pairings"}, zeldaID, zeldaName)
			z.says(z.command(2, "forget-me"), true)
			if got := z.says(z.command(3, "forget-me yes"), true); !strings.Contains(got, "has been erased") {
				t.Error(got)
			}
			gone(t, w.database, zeldaID, zeldaName)
			if next := code.FindString(z.says(z.event("im", 4, "hi"), true)); next == "" || next == first {
				t.Errorf("after %s the code is %q", first, next)
			}
		})
	}
}

// Who waits for the answer, or asks for it right afterwards, gets it.
func TestForgetMeIsAnsweredToPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.database = dbtest.URL(t, database.SQLite)
	s := w.start(t, commandConfig)
	s.reply(zeldaID, "hello "+zeldaWord)
	s.reply(zeldaID, "/forget-me")
	body, _ := json.Marshal(map[string]string{"id": "last-1", "sender_id": zeldaID, "text": "/forget-me yes"})
	post := func() answer {
		return s.request(http.MethodPost, "/webhooks/generic", string(body), "Content-Type", "application/json", "Prefer", "wait=30")
	}
	if a := post(); a.status != http.StatusOK || !strings.Contains(a.body, "has been erased") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.request(http.MethodGet, "/webhooks/generic/events/last-1", ""); !strings.Contains(a.body, "has been erased") {
		t.Errorf("%d %s", a.status, a.body)
	}
	gone(t, w.database, zeldaID, zeldaWord)
	a := post()
	if status := a.json(t); a.status != http.StatusOK || status["status"] != "completed" || status["reply"] != nil {
		t.Errorf("repeated after the erasure: %d %s", a.status, a.body)
	}
	gone(t, w.database, zeldaID, zeldaWord)
}
