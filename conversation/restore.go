package conversation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Restore imports every *.json file in dir, each whole or not at all, and
// returns how many. It goes on past a file that cannot be imported, and names
// all of those in the error. In mode merge it may be run again after it was cut
// short: what is there already stays as it is.
func (m *PersistentConversationManager) Restore(ctx context.Context, dir string, mode ImportMode) (int, error) {
	r, err := m.RestoreFrom(ctx, dir, mode, nil)
	return r.Restored + r.Kept, err
}

// RestoreResult counts conversations.
type RestoreResult struct {
	Restored int
	Kept     int // mode merge: there already, with every message of the file
}

// RestoreFrom is [PersistentConversationManager.Restore] that tells how far it
// is and what was there already. progress may be nil.
func (m *PersistentConversationManager) RestoreFrom(ctx context.Context, dir string, mode ImportMode, progress Progress) (RestoreResult, error) {
	var r RestoreResult
	names, total, err := backupFiles(dir)
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	var failed []error
	done := int64(0)
	for _, name := range names {
		size, err := m.restoreFile(ctx, filepath.Join(dir, name), mode, &r, func(read, all int64) {
			progress.report(2*done+read, max(2*total, 2*done+all))
		})
		done += size
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, withoutPath(err)))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return r, oneLine(failed...)
}

// backupFiles returns the names of the files in dir that are to be imported, and their size.
func backupFiles(dir string) (names []string, total int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		names = append(names, e.Name())
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return names, total, nil
}

// restoreFile imports one file, counts it and returns its size.
func (m *PersistentConversationManager) restoreFile(ctx context.Context, path string, mode ImportMode, r *RestoreResult, progress Progress) (int64, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	_, kept, err := m.importFrom(ctx, source{f, info.Size()}, mode, progress)
	switch {
	case err != nil:
	case kept:
		r.Kept++
	default:
		r.Restored++
	}
	return info.Size(), err
}

// openRegular opens a file that can be read to its end: a pipe or a device may
// have none, and even opening one may take for ever.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNotRegular()
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() { // it has become something else
		err = errNotRegular()
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func errNotRegular() error { return invalidf("it is no regular file") }
