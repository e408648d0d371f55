package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	parts "github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// calling is an answer that wants a tool to be used: pairs of name and arguments.
func calling(pairs ...string) ai.Response {
	r := ai.Response{Model: "m", FinishReason: "tool_calls", Usage: ai.Usage{PromptTokens: 100, CompletionTokens: 10}}
	for i := 0; i < len(pairs); i += 2 {
		call := conversation.ToolCall{ID: fmt.Sprint("c", i), Type: "function"}
		call.Function.Name, call.Function.Arguments = pairs[i], pairs[i+1]
		r.Calls = append(r.Calls, call)
	}
	return r
}

func answering(text string) ai.Response {
	return ai.Response{Text: text, Model: "m", FinishReason: "stop", Usage: ai.Usage{PromptTokens: 100, CompletionTokens: 10}}
}

// resultsIn returns what a model was told of its tools behind the question.
func resultsIn(ask ai.Ask) (results []string) {
	for _, m := range ask.New {
		if m.Role == conversation.RoleTool {
			results = append(results, m.Content)
		}
	}
	return results
}

// whole fails unless every call has its result right behind it, and no result is
// without its call.
func whole(t *testing.T, messages []conversation.Message) {
	t.Helper()
	if paired := parts.PairTools(messages, true); len(paired) != len(messages) {
		t.Errorf("%d of %d messages are whole: %q", len(paired), len(messages), texts(messages))
	}
	for i, m := range messages {
		if n := len(m.ToolCalls()); n > 0 && len(parts.PairTools(messages[i:i+n+1], true)[0].ToolCalls()) != n {
			t.Errorf("message %d has calls without results: %q", i, texts(messages))
		}
	}
}

// toolChild tells this test binary to be a gateway that dies after so many steps of
// models and tools, 0 = never; on that database, with that file for what tools did.
const toolChild = "PARLEY_TOOL_CHILD"

// TestToolChild is not a test of its own but the process that the next one starts.
func TestToolChild(t *testing.T) {
	parts := strings.Split(os.Getenv(toolChild), " ")
	if len(parts) != 3 {
		return
	}
	deadline, _ := strconv.ParseInt(parts[0], 10, 64)
	did, err := os.OpenFile(parts[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var steps atomic.Int64
	step := func() {
		if n := steps.Add(1); deadline > 0 && n >= deadline {
			os.Exit(137)
		}
	}
	tool := func(name string, effect ai.Effect) ai.Tool {
		return ai.Tool{Name: name, Schema: []byte("{}"), Effect: effect, Run: func(_ context.Context, key, arguments string) (ai.ToolResult, error) {
			step()
			_, err := fmt.Fprintf(did, "%s %s %s\n", name, arguments, key)
			step()
			return ai.ToolResult{Text: "did " + arguments}, err
		}}
	}
	m := &model{whole: func(_ context.Context, ask ai.Ask, _ func(string)) (ai.Response, error) {
		step()
		defer step()
		n := len(resultsIn(ask))
		if n >= 6 {
			return answering(fmt.Sprint("after ", n)), nil
		}
		id := func(i int) string { return fmt.Sprintf(`{"call":"%s/%d"}`, ask.New[0].Content, n+i) }
		return calling("once", id(0), "again", id(1)), nil
	}}
	db := dbtest.Open(t, parts[1])
	w := process(t, db, m, &chat{}, options{owner: fmt.Sprint("process ", os.Getpid()), workers: 64})
	w.change(func(o *turn.Options) {
		o.Tools = turn.Tools{MaxRounds: 8, Timeout: time.Minute, More: func(context.Context) []ai.Tool { return []ai.Tool{tool("once", ai.Once), tool("again", ai.Idempotent)} }}
	})
	if err := w.inbox.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.drained()
}

// Three hundred replies that need tools, cut by the deaths of processes wherever
// they are. No call that a model has planned is made twice by a tool that must not,
// what may run again has the same key, and each question has one reply behind whole
// pairs of calls and results.
func TestToolsRunOnceThroughDeaths(t *testing.T) {
	t.Parallel()
	const loops, deaths = 300, 24
	url := dbtest.URL(t, database.SQLite)
	db := dbtest.Open(t, url)
	w := process(t, db, &model{}, &chat{}, options{owner: "parent"})
	var accepted []inbox.Accepted
	for i := range loops {
		e := said(fmt.Sprint("e", i), fmt.Sprint("q", i))
		e.Platform = "silent"
		accepted = append(accepted, w.accept(e)...)
	}
	file := t.TempDir() + "/did"
	died := 0
	for run := 0; ; run++ {
		after := 0
		if run < deaths {
			after = 1 + rand.IntN(2*loops*15/deaths)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestToolChild$", "-test.timeout=120s")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %s", toolChild, after, url, file))
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if died++; cmd.ProcessState.ExitCode() != 137 {
			t.Fatalf("%v: %s", err, out)
		}
	}
	w.oncePerCall(file)
	for _, a := range accepted {
		e, err := w.inbox.Get(t.Context(), a.ID)
		if err != nil || e.State != inbox.Sent {
			t.Fatalf("event %d is %s: %s, %v", a.ID, e.State, e.Error, err)
		}
		messages, _, err := w.store.Messages(t.Context(), e.ConversationID, 100, "")
		if err != nil || len(messages) == 0 || messages[len(messages)-1].Content != "after 6" {
			t.Fatalf("event %d: %q, %v", a.ID, texts(messages), err)
		}
		whole(t, messages)
	}
	if left := w.steps(); left != 0 {
		t.Errorf("%d steps are left", left)
	}
	if died == 0 {
		t.Error("no process died")
	}
	t.Logf("%d loops, %d deaths", loops, died)
}

// steps returns how many steps of turns there are.
func (w *world) steps() (n int) {
	w.t.Helper()
	if err := w.db.Maintenance().QueryRowContext(w.t.Context(), "SELECT COUNT(*) FROM turn_steps").Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// oncePerCall reads what tools have done: once each, or under one key.
func (w *world) oncePerCall(file string) {
	w.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	times, keys, unknown, again := map[string]int{}, map[string]string{}, 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		arguments, key, _ := strings.Cut(rest, " ")
		times[arguments]++
		switch {
		case times[arguments] == 1:
		case name == "once":
			w.t.Errorf("%s was done %d times", arguments, times[arguments])
		default:
			again++
			if keys[arguments] != key {
				w.t.Errorf("%s was done again with another key", arguments)
			}
		}
		keys[arguments] = key
	}
	var messages []conversation.Message
	list, _, err := w.store.List(w.t.Context(), conversation.ListOptions{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range list {
		some, _, err := w.store.Messages(w.t.Context(), c.ID, 100, "")
		if err != nil {
			w.t.Fatal(err)
		}
		messages = append(messages, some...)
	}
	for _, m := range messages {
		if m.Role == conversation.RoleTool && strings.Contains(m.Content, "not known") {
			unknown++
		}
	}
	w.t.Logf("%d calls, %d made again under their key, of %d nobody knows", len(times), again, unknown)
}
