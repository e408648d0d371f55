package archive_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/conversation/message"
)

// tea is a conversation whose prompts begin behind its first message.
func tea() (*message.Conversation, []message.Message) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	c := &message.Conversation{ID: 7, UserKey: "slack:private:ann/../é", Platform: "slack", CreatedAt: at, LastActivity: at, Summary: "of <tea>", MessageCount: 3, Anchor: 2, SummaryEnd: 1}
	return c, []message.Message{
		{ID: 1, Role: message.RoleUser, Content: "Hello & 你好", Timestamp: at},
		{ID: 2, Role: message.RoleUser, Content: "Tea?", Timestamp: at, Tokens: 3, Metadata: map[string]any{"n": 1.5}},
		{ID: 3, Role: message.RoleAssistant, Content: "Green.", Timestamp: at, Tokens: 4},
	}
}

// written writes a conversation up to its last brace, as a backup does.
func written(c *message.Conversation, messages []message.Message) func(io.Writer) (*message.Conversation, error) {
	return func(w io.Writer) (*message.Conversation, error) {
		out := archive.NewWriter(w, true)
		return c, errors.Join(out.Head(c), out.Messages(messages[:1]), out.Messages(messages[1:]), out.End())
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// A file is in its folder whole or not at all, and one in which a single bit has
// changed since is refused.
func TestFileIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, messages := tea()
	broken := errors.New("broken")
	_, err := archive.WriteFile(dir, func(w io.Writer) (*message.Conversation, error) {
		_, _ = io.WriteString(w, `{"conversation":`)
		return nil, broken
	})
	if !errors.Is(err, broken) || len(names(t, dir)) != 0 {
		t.Errorf("%v leaves %q", err, names(t, dir))
	}
	if _, err := archive.WriteFile(dir, written(c, messages)); err != nil {
		t.Fatal(err)
	}
	name := archive.FileName(c)
	if got := names(t, dir); len(got) != 1 || got[0] != name {
		t.Errorf("%q, want %s", got, name)
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Read(bytes.NewReader(text))
	if err != nil || a.Conversation.Summary != "of <tea>" || len(a.Messages) != 3 || a.Messages[0].Content != "Hello & 你好" || a.Messages[1].Metadata["n"] != 1.5 {
		t.Errorf("%+v, %v", a, err)
	}
	sum := bytes.LastIndex(text, []byte("sha256"))
	for i := range text {
		if i >= sum && i < sum+len("sha256") {
			continue // under another name it is no checksum, and what it is of is as it was
		}
		text[i] ^= 1
		if _, err := archive.Read(bytes.NewReader(text)); !errors.Is(err, message.ErrInvalid) {
			t.Fatalf("with another byte %d of %d: %v", i, len(text), err)
		}
		text[i] ^= 1
	}
	for _, cut := range []int{2, 3, len(text) / 2} {
		if _, err := archive.Read(bytes.NewReader(text[:len(text)-cut])); !errors.Is(err, message.ErrInvalid) {
			t.Errorf("without its last %d bytes: %v", cut, err)
		}
	}
}

// The files of a backup say where prompts begin and what the summary stands for.
// Exports, which people read, do not.
func TestMarks(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{true, false} {
		var text bytes.Buffer
		c, messages := tea()
		out := archive.NewWriter(&text, whole)
		if err := errors.Join(out.Head(c), out.Messages(messages), out.End()); err != nil {
			t.Fatal(err)
		}
		text.WriteString("}")
		var anchors, unfolded []int
		src := archive.Source{At: bytes.NewReader(text.Bytes()), Size: int64(text.Len())}
		err := src.Scan(archive.Visitor{
			Head: func(*message.Conversation) error { return nil },
			Message: func(i int, m *message.Whole) error {
				if m.Anchor {
					anchors = append(anchors, i)
				}
				if m.Unfolded {
					unfolded = append(unfolded, i)
				}
				return nil
			},
		})
		var want []int
		if whole {
			want = []int{1}
		}
		if err != nil || !reflect.DeepEqual(anchors, want) || !reflect.DeepEqual(unfolded, want) {
			t.Errorf("whole %v: prompts begin at %v, the summary ends before %v, %v", whole, anchors, unfolded, err)
		}
	}
}

// Writing ends with the first error, and so does reading.
func TestErrorsEndIt(t *testing.T) {
	t.Parallel()
	c, messages := tea()
	var text bytes.Buffer
	if _, err := written(c, messages)(&text); err != nil {
		t.Fatal(err)
	}
	text.WriteString("}")
	full := errors.New("full")
	for room := range text.Len() - 1 {
		w := &narrow{room: room, err: full}
		if _, err := written(c, messages)(w); !errors.Is(err, full) || w.after > 0 {
			t.Fatalf("room for %d bytes: %v, and %d writes after it", room, err, w.after)
		}
	}
	stop, seen := errors.New("stop"), 0
	err := archive.Source{At: bytes.NewReader(text.Bytes()), Size: int64(text.Len())}.Scan(archive.Visitor{
		Head:    func(*message.Conversation) error { return nil },
		Message: func(int, *message.Whole) error { seen++; return stop },
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("%v after %d messages", err, seen)
	}
}

// narrow takes so many bytes.
type narrow struct {
	room, after int
	err         error
}

func (n *narrow) Write(b []byte) (int, error) {
	if n.room < 0 {
		n.after++
	}
	if n.room -= len(b); n.room < 0 {
		return 0, n.err
	}
	return len(b), nil
}

// A file is written anew unless it is undamaged and holds all that there is.
func TestIsCurrent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct {
		do   func(c *message.Conversation, messages []message.Message, path string)
		want bool
	}{
		"the same":  {func(*message.Conversation, []message.Message, string) {}, true},
		"a counter": {func(c *message.Conversation, _ []message.Message, _ string) { c.TotalTokens++ }, false},
		"feedback": {func(_ *message.Conversation, m []message.Message, _ string) {
			m[2].Metadata = map[string]any{message.MetaFeedback: "up"}
		}, false},
		"erased beside one": {func(_ *message.Conversation, m []message.Message, _ string) { m[1].Metadata = nil }, false},
		"it is gone":        {func(_ *message.Conversation, _ []message.Message, path string) { _ = os.Remove(path) }, false},
		"damaged": {func(_ *message.Conversation, _ []message.Message, path string) {
			text, _ := os.ReadFile(path)
			_ = os.WriteFile(path, bytes.Replace(text, []byte("Green"), []byte("Black"), 1), 0o600)
		}, false},
		"without its sum": {func(c *message.Conversation, m []message.Message, path string) {
			var text bytes.Buffer
			_, _ = written(c, m)(&text)
			text.WriteString("}")
			_ = os.WriteFile(path, text.Bytes(), 0o600)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c, messages := tea()
			if _, err := archive.WriteFile(dir, written(c, messages)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, archive.FileName(c))
			change.do(c, messages, path)
			if got := archive.IsCurrent(path, c, written(c, messages)); got != change.want {
				t.Errorf("current: %v", got)
			}
		})
	}
}

// A name is safe for any user key, and one conversation's own.
func TestFileName(t *testing.T) {
	t.Parallel()
	c, _ := tea()
	name := archive.FileName(c)
	if !strings.HasPrefix(name, "00000007-slack_private_ann_____-") || !strings.HasSuffix(name, ".json") || strings.ContainsAny(name, "/:\\ ") {
		t.Error(name)
	}
	long := *c
	long.UserKey = strings.Repeat("长", 300)
	if n := len(archive.FileName(&long)); n > 120 {
		t.Errorf("a name of %d bytes", n)
	}
	seen := map[string]string{name: "the first"}
	for what, change := range map[string]func(*message.Conversation){
		"another user":   func(c *message.Conversation) { c.UserKey = "slack:private:ann/../e" },
		"another chat":   func(c *message.Conversation) { c.ChatID = "C1" },
		"another thread": func(c *message.Conversation) { c.ThreadID = "1.0" },
		"another tenant": func(c *message.Conversation) { c.Tenant = "T1" },
		"made later":     func(c *message.Conversation) { c.CreatedAt = c.CreatedAt.Add(time.Second) }, // in another database
	} {
		c, _ := tea()
		change(c)
		if other, taken := seen[archive.FileName(c)]; taken {
			t.Errorf("%s has the name of %s", what, other)
		}
		seen[archive.FileName(c)] = what
	}
}

// What a process that died has left is removed once nobody can be writing it.
func TestStaleFiles(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{
		".parley-1.tmp": 25 * time.Hour, ".parley-2.tmp": 23 * time.Hour, "notes.tmp": 25 * time.Hour, "00000001-a-0.json": 25 * time.Hour,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	archive.RemoveStale(dir, now)
	if got := strings.Join(names(t, dir), " "); got != ".parley-2.tmp 00000001-a-0.json notes.tmp" {
		t.Error(got)
	}
}

// Only what can be read to its end is taken for a file of a backup.
func TestFilesOfADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.json", "a.json", ".hidden.json", "notes.txt", archive.ManifestName} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Mkdir(filepath.Join(dir, "dir.json"), 0o700), os.Symlink("a.json", filepath.Join(dir, "link.json")),
		os.Symlink("nowhere", filepath.Join(dir, "lost.json")), syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	list, err := archive.Files(dir)
	if got := strings.Join(list, " "); err != nil || got != "a.json b.json link.json lost.json pipe.json" {
		t.Errorf("%q, %v", got, err)
	}
	if n := archive.TotalSize(dir, list); n != 15 {
		t.Errorf("%d bytes", n)
	}
	if _, err := archive.Files(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there has files")
	}
	for _, name := range list {
		f, info, err := archive.OpenRegular(filepath.Join(dir, name))
		readable := strings.Contains("a.json b.json link.json", name)
		if readable != (err == nil) || name == "pipe.json" != errors.Is(err, message.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if info.Size() != 5 || f.Close() != nil {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
	made := filepath.Join(dir, "x", "y")
	if err := archive.MakeDir(made); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := archive.MakeDir(filepath.Join(dir, "a.json")); err == nil {
		t.Error("a file is a directory")
	}
}

// A file without a checksum is an export, and passes; with a wrong one it does not.
func TestVerify(t *testing.T) {
	t.Parallel()
	const export = `{"conversation":{"user_key":"a"},"messages":[]`
	for text, ok := range map[string]bool{
		"":           true,
		export + "}": true,
		export + ",\n\"sha256\":\"" + strings.Repeat("0", 64) + "\"}\n": false,
	} {
		if err := (archive.Source{At: strings.NewReader(text), Size: int64(len(text))}).Verify(); ok != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Work without anybody who wants to know of it is done all the same.
func TestProgress(t *testing.T) {
	t.Parallel()
	archive.Progress(nil).Report(1, 2)
	var got [2]int64
	archive.Progress(func(done, total int64) { got = [2]int64{done, total} }).Report(1, 2)
	if got != [2]int64{1, 2} {
		t.Error(got)
	}
}
