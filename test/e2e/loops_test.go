package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// deskIn is the part of a process's environment that gives models a desk, which no
// person is asked about.
func deskIn(t *testing.T, args ...string) string {
	t.Helper()
	server, _ := json.Marshal(map[string]any{"command": append([]string{deskProgram(t)}, args...), "ask": "never"})
	return fmt.Sprintf("PARLEY_AI__TOOLS__MCP={desk: %s}", server)
}

// TestToolLoopsAreCut kills the whole program again and again while its model uses a
// tool of a server, which appends a line to a file each time. No planned call leaves two
// lines, and each event ends in one reply. PARLEY_TOOL_LOOPS sets the size.
func TestToolLoopsAreCut(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			cutLoops(t, engine)
		})
	}
}

const (
	loopRounds = 3 // answers of a loop that want tools
	loopCalls  = 2 // tools of each
)

func cutLoops(t *testing.T, engine database.Engine) {
	t.Helper()
	loops := 16 // of each engine, which the kills are shared by
	if n, err := strconv.Atoi(os.Getenv("PARLEY_TOOL_LOOPS")); err == nil {
		loops = n
	}
	kills := 3 + loops/8
	w := newWorld(t)
	if engine != database.SQLite {
		w.database = dbtest.URL(t, engine)
	}
	w.openai.SetRaw(loopAnswer)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	notes := t.TempDir() + "/notes"
	tools := deskIn(t, notes)
	p := w.spawn(t, "only", tools)
	s := newSender(p.url)
	sent := w.sendAll(ctx, t, s, loops, 0)
	for range kills {
		goal := len(noted(t, notes)) + rand.IntN(loops*loopRounds*loopCalls*len("question 00.0.0")/kills)
		some, enough := context.WithTimeout(ctx, 3*time.Second)
		for len(noted(t, notes)) < goal && some.Err() == nil {
			pause(some, time.Millisecond)
		}
		enough()
		pause(ctx, rand.N(20*time.Millisecond))
		p.kill()
		p = w.spawn(t, "only", tools)
		s.url.Store(&p.url)
	}
	sent.Wait()
	lost, doubled := w.audit(ctx, loops)
	times := map[string]int{}
	for line := range strings.Lines(noted(t, notes)) {
		if times[line]++; times[line] > 1 {
			t.Errorf("%q was done %d times", line, times[line])
		}
	}
	t.Logf("%s: %d loops, %d kills: %d of %d calls made, lost %d replies, doubled %d",
		engine, loops, kills, len(times), loops*loopRounds*loopCalls, len(lost), len(doubled))
	if len(lost)+len(doubled) > 0 || len(times) == 0 {
		t.Errorf("lost %v, doubled %v", lost, doubled)
		for _, i := range append(lost, doubled...)[:1] {
			t.Log(ledgerOf(t, p.url, i))
		}
	}
}

// loopAnswer wants tools until the question's loop is over.
func loopAnswer(c fakeopenai.Call) string {
	question, rounds := c.LastUserText(), 0
	for _, m := range c.Messages {
		if len(m.ToolCalls) > 0 {
			rounds++
		}
	}
	if rounds >= loopRounds || !strings.HasPrefix(question, "question ") {
		return ""
	}
	var calls []string
	for n := range loopCalls {
		calls = append(calls, "desk_note", fmt.Sprintf(`{"text":"%s%d.%d"}`, question, rounds, n))
	}
	return wants(calls...).Raw
}
