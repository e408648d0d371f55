package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/cli"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// inFiles returns the files of the data directory that hold one of the needles.
func inFiles(t *testing.T, w *world, needles ...string) (found []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, needle := range needles {
			if n := bytes.Count(text, []byte(needle)); n > 0 {
				found = append(found, fmt.Sprintf("%s %d times in %s", needle, n, filepath.Base(file)))
			}
		}
	}
	return found
}

// vanished waits until neither a table nor, on SQLite, a file holds a needle.
func vanished(t *testing.T, w *world, engine database.Engine, needles ...string) {
	t.Helper()
	gone(t, w.database, needles...)
	if engine == database.SQLite {
		until(t, func() []string { return inFiles(t, w, needles...) })
	}
}

// person leaves traces in every way that a program's message can.
type person struct {
	t    *testing.T
	w    *world
	s    *server
	name string
	// called is what the person is called, which is kept as long as they are known.
	called string
	words  []string // that stand for this person
	n      int
}

func (p *person) says(text string, more map[string]any) answer {
	p.t.Helper()
	p.n++
	message := map[string]any{
		"id": fmt.Sprint(p.name, "-", p.n), "sender_id": p.name, "text": text, "sender_name": p.called,
		"metadata": map[string]any{"note": "metadata-" + p.words[0]},
	}
	maps.Copy(message, more)
	body, err := json.Marshal(message)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.s.request(http.MethodPost, "/webhooks/generic", string(body),
		"Content-Type", "application/json", "Prefer", "wait=30", "Authorization", "Bearer "+adminToken)
}

// leavesTraces says much, so that rows move from page to page.
func (p *person) leavesTraces() {
	p.t.Helper()
	for i := range 12 {
		if a := p.says(fmt.Sprint("message ", i, " ", strings.Repeat(p.words[0]+" ", 1+i*i*4)), nil); a.status != http.StatusOK {
			p.t.Fatalf("%d %s", a.status, a.body)
		}
	}
	p.says("/"+p.words[0]+" is no command", nil)
	fail := fakeopenai.Fail(http.StatusBadRequest, "invalid_request_error")
	fail.Body = strings.ReplaceAll(fail.Body, "(scripted)", p.words[0])
	p.w.openai.Script(fail) // the model's error repeats it
	p.says("what breaks is "+p.words[0], nil)
	p.says("/export", nil)
}

// conversation returns the id of the person's conversation.
func (p *person) conversation() string {
	p.t.Helper()
	a := p.s.admin(http.MethodGet, "conversations?user_key=generic:private:"+p.name)
	items, _ := a.json(p.t)["items"].([]any)
	if len(items) != 1 {
		p.t.Fatalf("%s has %s", p.name, a.body)
	}
	return fmt.Sprint(items[0].(map[string]any)["id"])
}

// Whatever erases, nothing of a word is left: neither in a column of a table
// nor in a byte of SQLite's files, while the server runs and after its end; what
// others said stays, and a repeat of what was erased is known.
func TestErasedIsErased(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			if engine == database.SQLite {
				w.database = ""
			}
			erasedEverywhere(t, w, engine)
		})
	}
}

func erasedEverywhere(t *testing.T, w *world, engine database.Engine) {
	t.Helper()
	url := w.database
	if url == "" {
		url = "sqlite:///" + filepath.Join(w.dir, "conversations.db")
		w.database = url
	}
	s := w.start(t, commandConfig)
	ways := []string{"reset", "clear", "delete", "cli", "forget"}
	people := map[string]*person{}
	for _, way := range append(ways, "stays") {
		people[way] = &person{t: t, w: w, s: s, name: "sender-" + way, words: []string{"XYLO" + strings.ToUpper(way) + "PHONE"}}
		if people[way].called = "called-" + way; way == "forget" {
			people[way].called = people[way].words[0]
		}
		people[way].leavesTraces()
	}
	for _, way := range ways {
		held(t, url, []string{"events", "deliveries", "messages"}, people[way].words...)
	}
	erase := map[string]func(p *person){
		"reset":  func(p *person) { p.says("/reset "+p.words[0], nil) },
		"clear":  func(p *person) { s.admin(http.MethodPost, "conversations/"+p.conversation()+"/clear") },
		"delete": func(p *person) { s.admin(http.MethodDelete, "conversations/"+p.conversation()) },
		"cli": func(p *person) {
			var out bytes.Buffer
			code := cli.Run(t.Context(), "test", cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out},
				[]string{"conversations", "delete", p.conversation(), "--yes"}, []string{"CONVERSATION_DB_URL=" + url})
			if code != 0 {
				t.Errorf("exit %d: %s", code, out.String())
			}
		},
		"forget": func(p *person) {
			p.says("/save instrument "+p.words[0], nil)
			p.says("/remember "+p.words[0]+" is "+p.words[0], nil)
			p.says("/forget-me", nil)
			p.says("/forget-me yes", nil)
		},
	}
	for _, way := range ways {
		p := people[way]
		erase[way](p)
		vanished(t, w, engine, p.words...)
		for _, trace := range traces(t, url, "called-"+way) {
			if !strings.HasPrefix(trace, "people.") && !strings.HasPrefix(trace, "memory_") {
				t.Error(trace)
			}
		}
		calls := len(w.openai.Calls())
		p.n = 0
		if a := p.says("what was once said", nil); a.status != http.StatusOK && a.status != http.StatusAccepted {
			t.Errorf("%s: a repeat of what was erased is answered with %d %s", way, a.status, a.body)
		}
		if n := len(w.openai.Calls()) - calls; n != 0 {
			t.Errorf("%s: a repeat of what was erased had %d model calls", way, n)
		}
	}
	if len(traces(t, url, people["stays"].words...)) == 0 {
		t.Error("what somebody else said is gone, too")
	}
	s.stop()
	if engine != database.SQLite {
		return
	}
	for _, way := range ways {
		if left := inFiles(t, w, people[way].words...); len(left) > 0 {
			t.Errorf("%s, after the end:\n%s", way, strings.Join(left, "\n"))
		}
	}
}
