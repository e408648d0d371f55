// Package spool keeps what can be read only once - a request's body, a pipe -
// in a file that can be read again. Such a file has no name any more as soon as
// it is open, so that it is gone however the process ends.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// Dir returns where the files of a data directory lie.
func Dir(dataDir string) string { return filepath.Join(dataDir, "tmp") }

const (
	pattern = "spool-*"
	// abandoned is the age of a file whose process died between making and
	// unlinking it.
	abandoned = time.Minute
)

// Copy copies r, at most limit bytes of it, to a file in dir and returns it
// with its size. dir is made when missing. It returns when ctx ends too: the
// read that nothing can stop then stays behind until the process ends.
func Copy(ctx context.Context, dir string, r io.Reader, limit int64) (*os.File, int64, error) {
	f, err := open(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("temporary file: %w", err)
	}
	type result struct {
		size int64
		err  error
	}
	done := make(chan result, 1)
	go func() {
		n, err := io.Copy(f, io.LimitReader(r, limit+1))
		done <- result{n, err}
	}()
	select {
	case <-ctx.Done():
		return nil, 0, errors.Join(ctx.Err(), f.Close())
	case got := <-done:
		if got.err == nil && got.size > limit {
			got.err = failure.New(failure.TooLarge, "too_large", fmt.Sprintf("it is longer than %d MiB", limit>>20), nil)
		}
		if got.err != nil {
			return nil, 0, errors.Join(got.err, f.Close())
		}
		return f, got.size, nil
	}
}

func open(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sweep(dir)
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweep removes what killed processes have left.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is a valid one
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(path) // it is in nobody's way
		}
	}
}
