package cli

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOthersLoseAccess starts on files that an earlier version, a copy or a
// generous umask left open, and runs what writes files.
func TestOthersLoseAccess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := cliRun{t, dir, []string{"CONVERSATION_DATA_DIR=" + dir, "PARLEY_LISTEN=127.0.0.1:0"}}
	c.want("", "migrate up")
	c.want("", "conversations import", c.file("alice.json", aliceFile))
	open := map[string]fs.FileMode{
		"admin-token": 0o660, "conversations.db": 0o640, "conversations.db-wal": 0o640, "conversations.db-shm": 0o640,
		"conversations.db.serve.lock": 0o640, "conversations.db.migrate.lock": 0o640, "export.json": 0o640,
	}
	secret := c.file("key", "sk-x\n")
	modes := map[string]fs.FileMode{secret: 0o644}
	for name, mode := range open {
		path := filepath.Join(dir, name)
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		modes[path] = mode | mode>>3&0o7 // others as the group
	}
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	c.env = append(c.env, "OPENAI_API_KEY_FILE="+secret)
	serveOnce(t, c)
	c.want("", "conversations export 1 --out", filepath.Join(dir, "export.json"))
	c.want("", "backup --to", filepath.Join(dir, "backup"))

	for name, want := range open {
		if got := modeOf(t, filepath.Join(dir, name)); got != want && (got != 0 || !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm")) {
			t.Errorf("%s is %o, want %o", name, got, want)
		}
	}
	if got := modeOf(t, secret); got != 0o644 {
		t.Errorf("the file that NAME_FILE names was changed to %o", got)
	}
	err := filepath.WalkDir(filepath.Join(dir, "backup"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && modeOf(t, path)&0o007 != 0 {
			t.Errorf("%s is %o", path, modeOf(t, path))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return 0 // SQLite takes its log away with the last connection
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// serveOnce starts the gateway and ends it when it is ready.
func serveOnce(t *testing.T, c cliRun) {
	t.Helper()
	interrupts := make(chan os.Signal, 1)
	logs, write := io.Pipe()
	code := make(chan int, 1)
	go func() {
		defer write.Close()
		s := Streams{In: strings.NewReader(""), Out: io.Discard, Err: write, Interrupts: interrupts}
		code <- Run(t.Context(), "v1", s, []string{"serve", "--log-format", "json"}, c.env)
	}()
	said := ""
	for buffer := make([]byte, 4096); !strings.Contains(said, `"msg":"ready"`); {
		n, err := logs.Read(buffer)
		if said += string(buffer[:n]); err != nil {
			t.Fatalf("serve ended before it was ready:\n%s", said)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, logs) }() // ends with the pipe
	interrupts <- os.Interrupt
	if got := <-code; got != 0 {
		t.Errorf("serve: exit code %d", got)
	}
}
