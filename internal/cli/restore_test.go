package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// TestRestoreNamesWhatIsNoFile puts into a folder what can be opened but has no
// end, or never begins.
func TestRestoreNamesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	c := onURL(t, dbtest.URL(t, database.SQLite))
	dir := filepath.Join(c.dir, "old")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c.file("old/alice.json", aliceFile)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"zero.json": "/dev/zero", "link.json": "pipe.json", "good.json": "../new.json"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c.file("new.json", newFile)
	code, out, errs := c.do("", "restore", "--from", dir)
	if code != 1 || !strings.HasPrefix(out, "restored 2 conversations from ") {
		t.Errorf("exit code %d, wrote %q", code, out)
	}
	for _, name := range []string{"pipe.json", "zero.json", "link.json"} {
		if !strings.Contains(errs, name+": it is not a regular file") {
			t.Errorf("%s is not named in %q", name, errs)
		}
	}
}
