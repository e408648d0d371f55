package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/scheduler"
)

// fakeStore records what it was asked for.
type fakeStore struct {
	calls []string
	stats conversation.Stats
	err   error
}

func (f *fakeStore) CleanupOld(_ context.Context, days int) (int64, error) {
	f.calls = append(f.calls, fmt.Sprint("cleanup ", days))
	return 5, f.err
}

func (f *fakeStore) CleanupOldArchived(_ context.Context, days int, dir string, users []string) (int64, error) {
	f.calls = append(f.calls, fmt.Sprint("archive ", days, " ", dir, " ", users))
	return 6, f.err
}

func (f *fakeStore) Vacuum(context.Context) error {
	f.calls = append(f.calls, "vacuum")
	return f.err
}

func (f *fakeStore) BackupAll(_ context.Context, dir string) (int, error) {
	if errors.Is(f.err, errAtOnce) {
		return 0, f.err
	}
	if f.err == nil && !strings.HasSuffix(dir, ".incomplete") {
		return 0, errors.New("an unfinished backup must not look like a whole one")
	}
	return 2, errors.Join(f.err, os.WriteFile(filepath.Join(dir, "1.json"), []byte("{}"), 0o600))
}

var errAtOnce = errors.New("refused")

func (f *fakeStore) Stats(context.Context) (conversation.Stats, error) { return f.stats, f.err }

func TestCleanupAndVacuum(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		work         func(*fakeStore) scheduler.Work
		call, result string
	}{
		{func(f *fakeStore) scheduler.Work { return scheduler.Cleanup(f, 30, "", []string{"x"}) }, "cleanup 30", "5 conversations deleted"},
		{func(f *fakeStore) scheduler.Work { return scheduler.Cleanup(f, 7, "old", []string{"x", "y"}) }, "archive 7 old [x y]", "6 conversations deleted"},
		{func(f *fakeStore) scheduler.Work { return scheduler.Vacuum(f) }, "vacuum", ""},
	} {
		f := &fakeStore{}
		result, err := tt.work(f)(t.Context())
		if err != nil || result != tt.result || len(f.calls) != 1 || f.calls[0] != tt.call {
			t.Errorf("%s: %q, %v, %q", tt.call, result, err, f.calls)
		}
		f.err = errors.New("broken")
		if _, err := tt.work(f)(t.Context()); !errors.Is(err, f.err) {
			t.Errorf("%s: got %v", tt.call, err)
		}
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there")
	east := time.FixedZone("east", 8*3600)
	now := func() time.Time { return time.Date(2026, 3, 1, 7, 59, 59, 0, east) }
	f := &fakeStore{}
	for _, folder := range []string{"20260228-235959", "20260301-000000"} { // the second run within one second
		result, err := scheduler.Backup(f, dir, now)(t.Context())
		if want := "2 conversations in " + filepath.Join(dir, folder); err != nil || result != want {
			t.Errorf("got %q, %v; want %q", result, err, want)
		}
		if _, err := os.Stat(filepath.Join(dir, folder, "1.json")); err != nil {
			t.Error(err)
		}
	}
	for _, f.err = range []error{errAtOnce, errors.New("disk full")} {
		if _, err := scheduler.Backup(f, dir, now)(t.Context()); !errors.Is(err, f.err) {
			t.Errorf("got %v", err)
		}
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := "20260228-235959 20260301-000000 20260301-000001.incomplete"; err != nil || strings.Join(names, " ") != want {
		t.Errorf("folders %q, %v; want %s", names, err, want)
	}
	file := filepath.Join(dir, "20260228-235959", "1.json")
	if _, err := scheduler.Backup(f, file, now)(t.Context()); err == nil {
		t.Error("a directory that is a file")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		conversations, tokens int64
		limits                scheduler.Thresholds
		warnings              []string
	}{
		{9, 99, scheduler.Thresholds{Conversations: 10, Tokens: 100}, nil},
		{10, 99, scheduler.Thresholds{Conversations: 10, Tokens: 100}, []string{"conversations"}},
		{11, 100, scheduler.Thresholds{Conversations: 10, Tokens: 100}, []string{"conversations", "tokens"}},
		{11, 100, scheduler.Thresholds{}, nil},
	} {
		f := &fakeStore{stats: conversation.Stats{TotalConversations: tt.conversations, TotalMessages: 3, TotalTokens: tt.tokens}}
		var log bytes.Buffer
		m := metrics.New()
		result, err := scheduler.Report(f, tt.limits, m, slog.New(slog.NewTextHandler(&log, nil)))(t.Context())
		if want := fmt.Sprintf("%d conversations, 3 messages, %d tokens", tt.conversations, tt.tokens); err != nil || result != want {
			t.Errorf("got %q, %v", result, err)
		}
		if strings.Count(log.String(), "level=WARN") != len(tt.warnings) {
			t.Errorf("%+v: log %s", tt, log.String())
		}
		for _, what := range tt.warnings {
			if !strings.Contains(log.String(), "what="+what) {
				t.Errorf("no warning about %s", what)
			}
		}
		if testutil.ToFloat64(m.Conversations) != float64(tt.conversations) || testutil.ToFloat64(m.TotalTokens) != float64(tt.tokens) {
			t.Error("the gauges are not set")
		}
	}
	broken := errors.New("broken")
	if _, err := scheduler.Report(&fakeStore{err: broken}, scheduler.Thresholds{}, nil, nil)(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
