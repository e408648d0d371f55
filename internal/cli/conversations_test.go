package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-bot/parley/internal/database"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		"y\n": nil, "YES\r\n": nil, " yes": nil,
		"": errDeclined, "\n": errDeclined, "n\n": errDeclined, "yep\n": errDeclined,
	} {
		p, out, errs := newProgram(answer, nil)
		if err := p.ask(t.Context(), "Delete it?"); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", answer, err, want)
		}
		if errs.String() != "Delete it? [y/N] " || out.Len() > 0 {
			t.Errorf("asked %q, wrote %q", errs, out)
		}
	}
}

// TestWriteWholeLeavesWhatWasThere fails in the middle of a file.
func TestWriteWholeLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	write := func(text string, err error) error {
		return writeWhole(path, func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return err
		})
	}
	if err := write("first", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := write("second", broken); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, ".*")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

// TestWriteWholeLeavesOthersAlone writes to a pipe, and through a link.
func TestWriteWholeLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link, target, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "target"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(target, []byte("before"), 0o600), os.Symlink(target, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // a writer need not wait for one
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for path, want := range map[string]os.FileMode{link: os.ModeSymlink, pipe: os.ModeNamedPipe} {
		err := writeWhole(path, func(w io.Writer) error {
			_, err := io.WriteString(w, "after")
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != want {
			t.Fatalf("%s has become %v, %v", path, info.Mode(), err)
		}
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "after" {
		t.Errorf("the link's target holds %q, %v", got, err)
	}
	got := make([]byte, len("after"))
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != "after" {
		t.Errorf("the pipe held %q, %v", got, err)
	}
}

// TestBesideAServer holds the lock of a running serve: everything works but
// vacuum --full.
func TestBesideAServer(t *testing.T) {
	t.Parallel()
	environ := dataDir(t)
	_, dir, _ := strings.Cut(environ[0], "=")
	run := func(args ...string) (code int, out, errs string) {
		var o, e bytes.Buffer
		code = Run(t.Context(), "v1", Streams{In: strings.NewReader(archive), Out: &o, Err: &e}, args, environ)
		return code, o.String(), e.String()
	}
	if code, _, errs := run("migrate", "up"); code != 0 {
		t.Fatal(errs)
	}
	db, err := database.Open(t.Context(), database.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	release, err := db.LockFile()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	for _, args := range []string{
		"conversations import -", "conversations show 1", "conversations clear 1 --yes", "conversations delete 1 --yes",
		"conversations list", "stats", "cleanup --days 1", "vacuum", "backup --to " + t.TempDir(), "restore --from " + t.TempDir(),
	} {
		if code, _, errs := run(strings.Fields(args)...); code != 0 || errs != "" {
			t.Errorf("%s: exit code %d, %s", args, code, errs)
		}
	}
	if code, _, errs := run("vacuum", "--full"); code != 1 || errs != "parley: vacuum: another parley serve uses this database\n" {
		t.Errorf("vacuum --full: exit code %d, %s", code, errs)
	}
}

const archive = `{"conversation":{"user_key":"slack:alice"},"messages":[{"role":"user","content":"Hi"}]}`
