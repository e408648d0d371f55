package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/backup"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// The jobs are those of the configuration, and one that is run writes where it says.
func TestJobs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kept")
	a, err := New(t.Context(), configured(t, "scheduler: {timezone: Asia/Tokyo, cleanup: '', backup: '0 4 * * *', backup_dir: "+dir+"}"), Options{Version: "v7"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.scheduler.RunNow(t.Context(), "backup"); err != nil {
		t.Fatal(err)
	}
	if err := a.scheduler.Stop(t.Context()); err != nil { // waits for it
		t.Fatal(err)
	}
	jobs, err := a.scheduler.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cleanup": "", "vacuum": "30 3 * * 0", "backup": "0 4 * * *", "report": "0 * * * *"}
	if len(jobs) != len(want) {
		t.Errorf("%+v", jobs)
	}
	for _, j := range jobs {
		if cron, ok := want[j.Name]; !ok || j.Cron != cron || j.NextRun != nil != (cron != "") {
			t.Errorf("%+v", j)
		}
		if j.Name == "backup" && (j.LastRun == nil || j.LastRun.Status != "ok" || j.NextRun.UTC().Hour() != 19) { // four in Tokyo
			t.Errorf("%+v, %+v", j, j.LastRun)
		}
	}
	folders, err := os.ReadDir(dir)
	if err != nil || len(folders) != 1 {
		t.Fatalf("%v, %v", folders, err)
	}
	if m, problems, err := backup.Verify(t.Context(), filepath.Join(dir, folders[0].Name()), nil); err != nil || len(problems) > 0 || m.Program != "v7" {
		t.Errorf("%+v, %v, %v", m, problems, err)
	}
}

// Cleanup sees to every room, and a fault in one keeps it from none of the others.
func TestCleanup(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, fault := range []error{nil, broken} {
		c, err := newCore(t.Context(), configured(t, ""), quiet(), purpose{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.close() }()
		now := c.db.Now()
		ann := memory.Person{Platform: "slack", SenderID: "U1"}
		for _, days := range []int{0, 1, usageDays - 1, usageDays + 1} {
			at := now.AddDate(0, 0, -days)
			err := c.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
				call := &ai.Response{Model: "m", Usage: ai.Usage{PromptTokens: 10}}
				return errors.Join(c.usage.AddTx(ctx, tx, at, call, ann), c.usage.SpendTx(ctx, tx, at, call, ann, "C1"))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		result, err := c.cleanup(func(context.Context) (string, error) { return "3 conversations deleted", fault }, 30)(t.Context())
		if !errors.Is(err, fault) || result != "3 conversations deleted, 0 events trimmed" {
			t.Errorf("%q, %v", result, err)
		}
		report := usageReport{c}
		for days, want := range map[int]int{1: 1, 2: 2, usageDays + 10: 3} { // today is the first of them
			if rows, err := report.Usage(t.Context(), days); err != nil || len(rows) != want || rows[0].PromptTokens != 10 || rows[0].Model != "m" {
				t.Errorf("of %d days: %+v, %v, want %d", days, rows, err, want)
			}
		}
		if lines, err := c.usage.Parts()[1].Count(t.Context()); lines != 2*3 || err != nil { // today, yesterday, and the sum of what is old
			t.Errorf("%d lines of what was spent, %v", lines, err)
		}
		if n, err := c.usage.Person(t.Context(), ann, time.Time{}); n != 40 || err != nil {
			t.Errorf("%d tokens, %v", n, err)
		}
	}
}

// At a terminal commands and messages are answered without a server, and what the
// model would be sent next can be seen.
func TestTerminal(t *testing.T) {
	t.Parallel()
	cfg := configured(t, "ai: {system_prompt: 'Be brief.'}")
	term, err := NewTerminal(t.Context(), cfg, quiet(), "ann", "zh-CN")
	if err != nil {
		t.Fatal(err)
	}
	shown := ""
	reply, err := term.Say(t.Context(), "tea or coffee?", func(piece string) { shown += piece })
	if err != nil || !strings.Contains(reply, "tea or coffee?") || shown != reply {
		t.Errorf("%q, shown %q, %v", reply, shown, err)
	}
	if answer, err := term.Say(t.Context(), "/save city Rome", func(string) {}); err != nil || !strings.Contains(answer, "Rome") || !strings.ContainsFunc(answer, func(r rune) bool { return r > '\u4e00' }) {
		t.Errorf("%q, %v", answer, err)
	}
	said, err := term.talk.History(t.Context(), 10)
	if err != nil || len(said) != 4 || said[0].Content != "tea or coffee?" || said[1].Content != reply {
		t.Errorf("%+v, %v", said, err)
	}
	if err := errors.Join(term.Close(), term.Close()); err != nil {
		t.Error(err)
	}
	for _, on := range []bool{true, false} {
		cfg.AI.Enabled = on
		p, err := PromptOf(t.Context(), cfg, quiet(), 1)
		if err != nil || len(p.Messages) < 3 || !strings.Contains(p.Messages[0].Content, "Be brief.") || p.Messages[1].Content != "tea or coffee?" || p.Tokens <= 0 {
			t.Errorf("%+v, %v", p, err)
		}
		if on != (p.Model == "echo") {
			t.Errorf("it is for %q", p.Model)
		}
	}
	if _, err := PromptOf(t.Context(), cfg, quiet(), 7); err == nil {
		t.Error("there is no such conversation")
	}
}
