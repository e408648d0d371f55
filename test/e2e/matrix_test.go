package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// trial lets one fault happen at one moment and returns what became of the
// event, in the words of the table.
type trial func(t *testing.T) string

// fault is one row of the table: the same fault before the call had any
// effect, in the middle of it, and after it took effect.
type fault struct {
	name                  string
	before, during, after trial
}

func (f *fault) cells() [3]trial { return [3]trial{f.before, f.during, f.after} }

const matrixHead = "| fault | before | during | after |\n| --- | --- | --- | --- |\n"

// TestFaultMatrix lets every fault happen at every moment. Each cell must end
// in one visible reply or in a dead event with its reason, and in exactly what
// docs/promise.md says. -v prints the table.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	databases := databaseFaults(t)
	table := slices.Concat(databases, modelFaults(), slackFaults(), feishuFaults(), callbackFaults())
	results := runMatrix(t, table, len(databases))
	var rows strings.Builder
	for i := range table {
		fmt.Fprintf(&rows, "| %s | %s |\n", table[i].name, strings.Join(results[i][:], " | "))
	}
	t.Logf("\n%s%s", matrixHead, rows.String())
	if t.Failed() {
		return
	}
	documented(t, rows.String())
}

// runMatrix runs all cells. Most of their time is waiting, so more run at once
// than -parallel allows, which counts processors: those of the first slow rows,
// which wait for leases to run out, all, of the others a few.
func runMatrix(t *testing.T, table []fault, slow int) [][3]string {
	t.Helper()
	results := make([][3]string, len(table))
	atOnce := make(chan struct{}, 8)
	var cells sync.WaitGroup
	for i := range table {
		for k, run := range table[i].cells() {
			cells.Go(func() {
				if i >= slow {
					atOnce <- struct{}{}
					defer func() { <-atOnce }()
				}
				name := table[i].name + "/" + [3]string{"before", "during", "after"}[k]
				t.Run(name, func(t *testing.T) { results[i][k] = run(t) })
			})
		}
	}
	cells.Wait()
	return results
}

// documented compares with the page that people read.
func documented(t *testing.T, rows string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/promise.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), matrixHead)
	table, _, _ := strings.Cut(rest, "\n\n")
	table += "\n"
	if len(dbtest.Engines()) == 3 && table != rows {
		t.Errorf("docs/promise.md has another table; this is it now:\n%s%s", matrixHead, rows)
	}
	for row := range strings.Lines(rows) { // without the servers some rows are missing
		if !strings.Contains(table, row) {
			t.Errorf("docs/promise.md does not have %s", row)
		}
	}
}

// newFaultWorld is a world whose model answers in lines that can be counted,
// and whose calls to platforms give up early.
func newFaultWorld(t *testing.T, lines int) (*world, []string) {
	t.Helper()
	w := newWorld(t)
	w.callTimeout = shortCall
	var tokens []string
	var reply strings.Builder
	for i := range lines {
		tokens = append(tokens, fmt.Sprintf("[%04d]", i))
		reply.WriteString(tokens[i])
		if lines > 1 {
			reply.WriteString(" " + strings.Repeat("x", 990) + "\n")
		}
	}
	w.openai.SetReply(func(fakeopenai.Call) string { return reply.String() })
	return w, tokens
}

// outcome waits for the end of the one event and says what people saw of it.
func (w *world) outcome(t *testing.T, s *server, eventID string, tokens []string) string {
	t.Helper()
	event := s.final(t, eventID)
	status := event["status"]
	reason, _ := event["error"].(string)
	visible, text := 0, w.shown()
	for _, token := range tokens {
		n := strings.Count(text, token)
		if n > 1 {
			t.Errorf("%s was shown %d times", token, n)
		}
		visible += min(n, 1)
	}
	s.askedOnce(t)
	if n := w.openai.Unused() + w.slack.Unused() + w.feishu.Unused() + w.callback.Unused(); n > 0 {
		t.Errorf("%d faults did not happen", n)
	}
	code, _, _ := strings.Cut(reason, ":")
	switch {
	case status == "sent" && visible == len(tokens):
		return "one reply"
	case status == "dead" && code != "" && visible == 0:
		return "dead: " + code
	case status == "dead" && code != "" && visible == len(tokens):
		return "one reply, dead: " + code
	case status == "dead" && code != "":
		return "half a reply, dead: " + code
	}
	t.Errorf("%v with %d of %d lines shown, error %q, steps %v", status, visible, len(tokens), reason, event["steps"])
	return "broken"
}

// final returns the event once its state changes no more.
func (s *server) final(t *testing.T, eventID string) map[string]any {
	t.Helper()
	ctx := patience(t)
	for {
		event := s.admin(http.MethodGet, "events/"+eventID).json(t)
		if event["status"] == "sent" || event["status"] == "dead" {
			return event
		}
		if ctx.Err() != nil {
			t.Fatalf("silence: %v", event)
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// askedOnce checks that what the person said is stored once, whatever happened.
func (s *server) askedOnce(t *testing.T) {
	t.Helper()
	conversations := s.admin(http.MethodGet, "conversations").json(t)["items"].([]any)
	if len(conversations) != 1 {
		t.Errorf("%d conversations", len(conversations))
		return
	}
	path := fmt.Sprintf("conversations/%v/messages", conversations[0].(map[string]any)["id"])
	asked := 0
	for _, m := range s.admin(http.MethodGet, path).json(t)["items"].([]any) {
		if m.(map[string]any)["role"] == "user" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the question is stored %d times", asked)
	}
}

func slackQuestion() []byte {
	return fakeslack.MessageEvent(fakeslack.Event{EventID: "E1", Channel: "D1", ChannelType: "im", Text: "hi"})
}

// model is a trial of a model that does this once.
func model(step fakeopenai.Step) trial {
	return func(t *testing.T) string {
		t.Helper()
		w, tokens := newFaultWorld(t, 4)
		w.openai.Script(step)
		s := w.start(t, func(c *config.Config) { c.AI.Timeout = shortCall })
		s.slackEvent(slackQuestion())
		return w.outcome(t, s, "E1", tokens)
	}
}

// modelFaults: before any text, in the middle of it, after all of it.
func modelFaults() []fault {
	broken := func(after int, write string) fakeopenai.Step {
		return fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: after, Write: write}}
	}
	const all = 1000
	server, limited := fakeopenai.InStream(500, "server_error"), fakeopenai.InStream(429, "rate_limit_exceeded")
	return []fault{
		{
			"model 500", model(fakeopenai.Fail(http.StatusInternalServerError, "server_error")),
			model(broken(1, server)), model(broken(all, server)),
		},
		{"model 429", model(fakeopenai.RateLimited("1")), model(broken(1, limited)), model(broken(all, limited))},
		{
			"model hangs", model(fakeopenai.Hang()),
			model(fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: 1, Stall: true}}),
			model(fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: all, Stall: true}}),
		},
		{"model's stream is cut", model(fakeopenai.Step{Drop: true}), model(fakeopenai.Cut(1)), model(fakeopenai.Cut(all))},
		{
			"model answers nothing", model(fakeopenai.Step{Raw: "\n"}),
			model(fakeopenai.Step{Text: new(string), NoFinish: true}), model(fakeopenai.Empty()),
		},
		{
			"model answers garbage", model(fakeopenai.Garbage()), model(broken(1, "data: {\"choices\":[{\n\n")),
			model(fakeopenai.Step{Spoil: &fakeopenai.Spoil{After: all, Finish: true, Write: "data: <html>\n\n"}}),
		},
	}
}

// oneCall fails when the model was asked again for a reply that was made.
func (w *world) oneCall(t *testing.T) {
	t.Helper()
	if n := len(w.openai.Calls()); n != 1 {
		t.Errorf("%d model calls for one question", n)
	}
}

// slackCell lets calls of chat.postMessage go wrong in this way, one after the
// other, and the look-ups in the channel in that way.
func slackCell(lines int, posts []fakeslack.Fault, looks ...fakeslack.Fault) trial {
	return func(t *testing.T) string {
		t.Helper()
		w, tokens := newFaultWorld(t, lines)
		w.slack.Script(fakeslack.ChatPostMessage, posts...)
		w.slack.Script(fakeslack.ConversationsHistory, looks...)
		s := w.start(t)
		s.slackEvent(slackQuestion())
		defer w.oneCall(t)
		return w.outcome(t, s, "E1", tokens)
	}
}

// slackFaults: nothing was posted; the first of two parts was; all was. A
// definite refusal of what was posted is not to be had from Slack: there the
// answer was lost, and the fault meets the look-up that follows.
func slackFaults() []fault {
	first := fakeslack.Fault{} // of two parts
	refused := func(name string, f fakeslack.Fault) fault {
		return fault{
			name, slackCell(1, []fakeslack.Fault{f}), slackCell(18, []fakeslack.Fault{first, f}),
			slackCell(1, []fakeslack.Fault{fakeslack.TakeThenCut()}, f),
		}
	}
	doubtful := func(name string, f fakeslack.Fault) fault {
		return fault{
			name, slackCell(1, []fakeslack.Fault{f}), slackCell(18, []fakeslack.Fault{first, f.Taken()}),
			slackCell(1, []fakeslack.Fault{f.Taken()}, f),
		}
	}
	return []fault{
		refused("Slack 429", fakeslack.RateLimit(time.Second)),
		doubtful("Slack 500", fakeslack.Status(http.StatusInternalServerError)),
		refused("Slack ok:false ratelimited", fakeslack.Refuse("ratelimited")),
		refused("Slack invalid_auth", fakeslack.Refuse("invalid_auth")),
		refused("Slack channel_not_found", fakeslack.Refuse("channel_not_found")),
		doubtful("Slack ok:false internal_error", fakeslack.Refuse("internal_error")),
		doubtful("Slack answers garbage", fakeslack.Fault{Body: `{"ok":tr`}),
		doubtful("Slack hangs", fakeslack.Hang()),
		doubtful("Slack cuts the connection", fakeslack.Cut()),
	}
}

func feishuCell(lines int, faults ...fakefeishu.Fault) trial {
	return func(t *testing.T) string {
		t.Helper()
		w, tokens := newFaultWorld(t, lines)
		w.feishu.Misbehave(fakefeishu.Reply, faults...)
		s := w.start(t, longReplies)
		s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{EventID: "E1", Token: feishuToken, Text: "hi"}))
		defer w.oneCall(t)
		return w.outcome(t, s, "E1", tokens)
	}
}

// feishuFaults: as for Slack, but instead of a look-up the send is repeated
// under its uuid.
func feishuFaults() []fault {
	first := fakefeishu.Fault{} // of several parts
	row := func(name string, f fakefeishu.Fault) fault {
		return fault{name, feishuCell(1, f), feishuCell(200, first, f), feishuCell(1, fakefeishu.TakeThenCut(), f)}
	}
	doubtful := func(name string, f fakefeishu.Fault) fault {
		return fault{name, feishuCell(1, f), feishuCell(200, first, f.Taken()), feishuCell(1, f.Taken(), f)}
	}
	return []fault{
		row("Feishu 99991400", fakefeishu.RateLimited(1)),
		row("Feishu 429", fakefeishu.TooManyRequests(1)),
		row("Feishu 230020", fakefeishu.Code(http.StatusBadRequest, 230020, "limited")),
		doubtful("Feishu 500", fakefeishu.ServerError()),
		row("Feishu token expired", fakefeishu.ExpireToken()),
		doubtful("Feishu hangs", fakefeishu.Hang()),
		doubtful("Feishu cuts the connection", fakefeishu.Cut()),
	}
}

func callbackCell(steps ...fakecallback.Step) trial {
	return func(t *testing.T) string {
		t.Helper()
		w, tokens := newFaultWorld(t, 1)
		w.callback.Script(steps...)
		s := w.start(t)
		s.signedEvent("E1", []byte(`{"sender_id":"alice","text":"hi"}`))
		defer w.oneCall(t)
		return w.outcome(t, s, "E1", tokens)
	}
}

// callbackFaults: nothing was taken; the answer breaks off after its status; it was taken all the same.
func callbackFaults() []fault {
	const failed = http.StatusInternalServerError
	busy := fakecallback.Busy(http.StatusTooManyRequests, "1")
	return []fault{
		{
			"callback 429", callbackCell(busy),
			callbackCell(fakecallback.Step{Status: busy.Status, Cut: true, Stall: true}),
			callbackCell(fakecallback.TakeThenCut(), busy),
		},
		{
			"callback 500", callbackCell(fakecallback.Answer(failed)),
			callbackCell(fakecallback.Step{Status: failed, Cut: true, Stall: true}),
			callbackCell(fakecallback.Step{Status: failed, Take: true}),
		},
		{
			"callback cuts the connection", callbackCell(fakecallback.Cut()),
			callbackCell(fakecallback.Step{Status: http.StatusOK, Take: true, Cut: true, Stall: true}),
			callbackCell(fakecallback.TakeThenCut()),
		},
		{
			"callback times out", callbackCell(fakecallback.Hang()),
			callbackCell(fakecallback.Step{Status: http.StatusOK, Take: true, Hang: true, Stall: true}),
			callbackCell(fakecallback.TakeThenHang()),
		},
	}
}

// databaseFaults leaves out the engines that this machine does not have.
func databaseFaults(t *testing.T) []fault {
	t.Helper()
	has := func(e database.Engine) bool { return slices.Contains(dbtest.Engines(), e) }
	list := []fault{
		calamity("SQLite busy", database.SQLite, busy(11*time.Second)), // longer than it waits for a lock
		calamity("SQLite, disk full", database.SQLite, fullDisk),
	}
	if has(database.Postgres) {
		list = append(list,
			calamity("PostgreSQL busy", database.Postgres, busy(3*time.Second)),
			calamity("PostgreSQL, connection lost", database.Postgres, disconnected),
			calamity("PostgreSQL, answer to COMMIT lost", database.Postgres, commitUnanswered),
		)
	}
	if has(database.MySQL) {
		list = append(list,
			calamity("MariaDB, connection lost", database.MySQL, disconnected),
			calamity("MariaDB, answer to COMMIT lost", database.MySQL, commitUnanswered),
		)
	}
	return append(list,
		calamity("restart by SIGTERM", database.SQLite, restarted((*process).stop)),
		calamity("restart by kill -9", database.SQLite, restarted((*process).kill)),
	)
}
