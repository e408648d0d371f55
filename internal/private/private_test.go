package private_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-bot/parley/internal/private"
)

func file(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeep(t *testing.T) {
	t.Parallel()
	for mode, want := range map[fs.FileMode]fs.FileMode{
		0o666: 0o660, 0o644: 0o640, 0o604: 0o600, 0o640: 0o640, 0o600: 0o600, 0o400: 0o400, 0o777: 0o770,
	} {
		path := file(t, mode)
		missing := filepath.Join(filepath.Dir(path), "missing")
		if err := private.Keep(missing, path, os.DevNull); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%o became %o (%v), want %o", mode, info.Mode(), err, want)
		}
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%s is now %v (%v)", os.DevNull, info.Mode(), err)
	}
}

func TestReplacing(t *testing.T) {
	t.Parallel()
	for mode, want := range map[fs.FileMode]fs.FileMode{0o666: 0o660, 0o444: 0o640, 0o600: 0o600} {
		if got := private.Replacing(file(t, mode)); got != want {
			t.Errorf("%o: got %o, want %o", mode, got, want)
		}
	}
	if got := private.Replacing(filepath.Join(t.TempDir(), "missing")); got != 0o600 {
		t.Errorf("a new file: %o", got)
	}
}
