package conversationtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/archive"
)

// steps records what a Progress is told and checks that it never goes back.
type steps struct {
	t           *testing.T
	done, total int64
	calls       int
	then        func(calls int) // nil, or what happens meanwhile
}

func (s *steps) report(done, total int64) {
	s.calls++
	if done < s.done || done > total {
		s.t.Errorf("progress %d of %d after %d", done, total, s.done)
	}
	s.done, s.total = done, total
	if s.then != nil {
		s.then(s.calls)
	}
}

// whole checks that everything was done in the end.
func (s *steps) whole() {
	s.t.Helper()
	if s.calls == 0 || s.done != s.total {
		s.t.Errorf("progress ended at %d of %d after %d calls", s.done, s.total, s.calls)
	}
}

// A backup ends in the middle: the same again writes what is missing or has
// changed since, and leaves the rest alone.
func counted(t *testing.T, what string, r conversation.BackupResult, written, kept int) {
	t.Helper()
	equal(t, what, [2]int{r.Written, r.Kept}, [2]int{written, kept})
}

func backupGoesOn(t *testing.T, s Store) {
	dir := filepath.Join(t.TempDir(), "backup")
	old(t, s, 1, 2, 3, 4, 5)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cut := &steps{t: t, then: func(calls int) {
		if calls == 2 {
			cancel()
		}
	}}
	r, err := s.Backup(ctx, dir, cut.report)
	wantErr(t, err, context.Canceled)
	counted(t, "before the end", r, 2, 0)
	equal(t, "files", len(files(t, dir)), 2)
	names := files(t, dir)
	before := read(t, dir, names[0])
	write(t, dir, names[1], strings.Replace(string(read(t, dir, names[1])), `"content":"message"`, `"content":"massage"`, 1))
	write(t, dir, ".parley-1.tmp", "of a run that died")
	must(t, os.Chtimes(filepath.Join(dir, ".parley-1.tmp"), time.Time{}, time.Now().AddDate(0, 0, -2)))

	again := &steps{t: t}
	r, err = s.Backup(t.Context(), dir, again.report)
	must(t, err)
	counted(t, "the rest and the damaged one", r, 4, 1)
	again.whole()
	equal(t, "files", len(files(t, dir)), 5)
	equal(t, "kept as it was", read(t, dir, names[0]), before)

	items, _, err := s.List(t.Context(), conversation.ListOptions{})
	must(t, err)
	must(t, s.SetPersona(t.Context(), items[0].ID, "pirate"))
	say(t, s, items[1].ID, "u")
	must(t, s.Clear(t.Context(), items[2].ID))
	r, err = s.Backup(t.Context(), dir, nil)
	must(t, err)
	counted(t, "after three have changed", r, 3, 2)
	equal(t, "messages and files", []int64{r.Messages, int64(len(r.Files))}, []int64{13, 5})
	n, err := s.Restore(t.Context(), dir, conversation.ImportReplace)
	must(t, err)
	equal(t, "restored", n, 5)
}

// A restore in mode merge ends in the middle and is run again.
func restoreGoesOn(t *testing.T, s Store) {
	dir := filepath.Join(t.TempDir(), "backup")
	old(t, s, 11, 12, 13, 14, 15)
	_, err := s.BackupAll(t.Context(), dir)
	must(t, err)
	before := archives(t, s)
	_, err = s.CleanupOld(t.Context(), 1)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cut := &steps{t: t}
	cut.then = func(int) {
		if cut.done*2 > cut.total {
			cancel()
		}
	}
	r, err := s.RestoreFrom(ctx, dir, conversation.ImportMerge, cut.report)
	wantErr(t, err, context.Canceled)
	if r.Restored < 1 || r.Restored > 4 || r.Kept != 0 {
		t.Errorf("before the end: %+v", r)
	}
	done := r.Restored
	again := &steps{t: t}
	r, err = s.RestoreFrom(t.Context(), dir, conversation.ImportMerge, again.report)
	must(t, err)
	equal(t, "the rest", r, conversation.RestoreResult{Restored: 5 - done, Kept: done})
	again.whole()
	equal(t, "after restoring", archives(t, s), before)
}

// importFromFile reads a file in pieces, with the same result as Import.
func importFromFile(t *testing.T, s Store) {
	t.Helper()
	for name, a := range map[string]conversation.Archive{
		"many":  archiveOf(keyOf(t), longAgo(), 1300),
		"large": archiveOf(keyOf(t), longAgo(), 0),
		"empty": archiveOf(keyOf(t), longAgo(), 0),
	} {
		a.Conversation.ChatID = name
		if name == "large" {
			for i := range 3 {
				a.Messages = append(a.Messages, conversation.Message{
					Role: conversation.RoleUser, Content: strings.Repeat(fmt.Sprint(i), 400_000), Timestamp: longAgo(), Metadata: map[string]any{"i": 1.5},
				})
			}
		}
		file, err := a.MarshalJSON()
		must(t, err)
		progress := &steps{t: t}
		c, err := s.ImportFrom(t.Context(), bytes.NewReader(file), int64(len(file)), conversation.ImportNew, progress.report)
		must(t, err)
		progress.whole()
		streamed, err := s.Export(t.Context(), c.ID)
		must(t, err)
		must(t, s.Delete(t.Context(), c.ID))
		parsed, err := archive.Read(bytes.NewReader(file))
		must(t, err)
		c, err = s.Import(t.Context(), *parsed, conversation.ImportNew)
		must(t, err)
		whole, err := s.Export(t.Context(), c.ID)
		must(t, err)
		if withoutIDs(*streamed) != withoutIDs(*whole) {
			t.Errorf("%s: what was read in pieces is not what was read as a whole", name)
		}
		equal(t, name+": the counters", [2]int64{c.MessageCount, streamed.Conversation.MessageCount}, [2]int64{int64(len(a.Messages)), int64(len(a.Messages))})
		merged, err := s.ImportFrom(t.Context(), bytes.NewReader(file), int64(len(file)), conversation.ImportMerge, nil)
		must(t, err)
		equal(t, name+": merged", merged, c)
	}
	// The keys in another order, no times but one, further keys, a byte order mark.
	file := "\ufeff" + `{"further":[{}],"messages":[{"role":"user","content":"a"},{"role":"user","timestamp":"2025-01-08T12:00:00+02:00"},{"role":"user"}],` +
		`"conversation":{"user_key":"` + keyOf(t).UserKey + `","chat_id":"odd"}}`
	c, err := s.ImportFrom(t.Context(), strings.NewReader(file), int64(len(file)), conversation.ImportNew, nil)
	must(t, err)
	list := all(t, s, c.ID)
	at := time.Date(2025, 1, 8, 10, 0, 0, 0, time.UTC)
	equal(t, "times", [3]time.Time{list[1].Timestamp, list[2].Timestamp, c.LastActivity}, [3]time.Time{at, at, at})
}

// A file that is damaged, cut or another program's changes nothing in any mode.
func importFromFileRefuses(t *testing.T, s Store) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	c := fresh(t, s)
	say(t, s, c.ID, "uau")
	var plain bytes.Buffer
	must(t, s.ExportTo(ctx, c.ID, &plain))
	_, err := s.BackupAll(ctx, dir)
	must(t, err)
	name, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("%08d-*.json", c.ID)))
	must(t, err)
	checked, err := os.ReadFile(name[0])
	must(t, err)
	before, err := s.Get(ctx, c.ID)
	must(t, err)
	for want, file := range map[string]string{
		"checksum is wrong":     strings.Replace(string(checked), `"role":"user"`, `"role":"tool"`, 1),
		"line 5, column 20":     plain.String()[:strings.LastIndex(plain.String(), "\n{")+21],
		`messages[2]: role`:     strings.Replace(plain.String(), `"id":3,"role":"user"`, `"id":3,"role":"robot"`, 1),
		`messages[0]: tokens`:   strings.Replace(plain.String(), `"tokens":1`, `"tokens":-1`, 1),
		`no "conversation"`:     `{"name":"other"}`,
		"more follows":          strings.TrimSpace(plain.String()) + "{}",
		`conversation: chat_id`: strings.Replace(plain.String(), `"chat_id":"`, `"chat_id":"`+strings.Repeat("x", 256), 1),
	} {
		for _, mode := range []conversation.ImportMode{conversation.ImportNew, conversation.ImportMerge, conversation.ImportReplace} {
			_, err := s.ImportFrom(ctx, strings.NewReader(file), int64(len(file)), mode, nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
			wantErr(t, err, conversation.ErrInvalid)
		}
		if _, err := archive.Read(strings.NewReader(file)); err == nil && want != `conversation: chat_id` {
			t.Errorf("%s: ReadArchive took it", want)
		}
	}
	after, err := s.Get(ctx, c.ID)
	must(t, err)
	equal(t, "afterwards", after, before)
}
