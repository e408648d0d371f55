package spool_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/spool"
)

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestCopyLeavesNoName(t *testing.T) {
	t.Parallel()
	dir := spool.Dir(t.TempDir())
	f, size, err := spool.Copy(t.Context(), dir, strings.NewReader("hello"), 5)
	if err != nil || size != 5 {
		t.Fatalf("copied %d bytes, %v", size, err)
	}
	defer func() { _ = f.Close() }()
	if n := entries(t, dir); n != 0 {
		t.Errorf("%d files have a name", n)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil || string(text) != "hello" {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestCopyIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := spool.Copy(t.Context(), dir, strings.NewReader("hello!"), 5); failure.KindOf(err) != failure.TooLarge {
		t.Errorf("got %v", err)
	}
	if n := entries(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// TestCopyEndsWithItsContext reads what never ends: a pipe that nobody writes to.
func TestCopyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	silent, write := io.Pipe()
	defer func() { _ = write.Close() }()
	cancel()
	if _, _, err := spool.Copy(ctx, t.TempDir(), silent, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCopySweeps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "spool-1"), filepath.Join(dir, "spool-2")
	for _, path := range []string{old, fresh} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hour := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, hour, hour); err != nil {
		t.Fatal(err)
	}
	f, _, err := spool.Copy(t.Context(), dir, strings.NewReader(""), 5)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process has left is there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("what another process makes is gone: %v", err)
	}
}
