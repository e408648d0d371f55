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
	names, err := backupFiles(dir)
	if err != nil {
		return RestoreResult{}, fmt.Errorf("restore: %w", err)
	}
	return m.RestoreFiles(ctx, RestoreOptions{Dir: dir, Files: names, Mode: mode, Progress: progress})
}

// RestoreOptions say what is restored.
type RestoreOptions struct {
	Dir      string
	Files    []string // names in Dir
	Mode     ImportMode
	Progress Progress // nil, or told how many bytes are done
	// Check is called with each file before it is read; an error leaves it out.
	Check func(name string, f *os.File) error
	// Uncounted leaves the ledger of tokens as it is: it is restored by itself.
	Uncounted bool
}

// RestoreFiles is [PersistentConversationManager.RestoreFrom] of the files that are named.
func (m *PersistentConversationManager) RestoreFiles(ctx context.Context, o RestoreOptions) (RestoreResult, error) {
	var r RestoreResult
	var failed []error
	done, total := int64(0), totalSize(o.Dir, o.Files)
	for _, name := range o.Files {
		size, err := m.restoreFile(ctx, name, &o, &r, func(read, all int64) {
			o.Progress.report(2*done+read, max(2*total, 2*done+all))
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

// ManifestName is the file of a whole backup that holds no conversation; see
// package backup.
const ManifestName = "manifest.json"

// backupFiles returns the names of the files in dir that are to be imported.
func backupFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".json") && !strings.HasPrefix(e.Name(), ".") && e.Name() != ManifestName {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func totalSize(dir string, names []string) (total int64) {
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	return total
}

// restoreFile imports one file, counts it and returns its size.
func (m *PersistentConversationManager) restoreFile(ctx context.Context, name string, o *RestoreOptions, r *RestoreResult, progress Progress) (int64, error) {
	f, info, err := OpenRegular(filepath.Join(o.Dir, name))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	if o.Check != nil {
		if err := o.Check(name, f); err != nil {
			return info.Size(), err
		}
	}
	_, kept, err := m.importFrom(ctx, source{f, info.Size()}, importOptions{mode: o.Mode, progress: progress, uncounted: o.Uncounted})
	switch {
	case err != nil:
	case kept:
		r.Kept++
	default:
		r.Restored++
	}
	return info.Size(), err
}

// OpenRegular opens a file that can be read to its end. A pipe or a device may
// have none, and even opening one may take for ever.
func OpenRegular(path string) (*os.File, fs.FileInfo, error) {
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
