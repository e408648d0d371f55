package conversation

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parley-bot/parley/conversation/archive"
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
	names, err := archive.Files(dir)
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
	done, total := int64(0), archive.TotalSize(o.Dir, o.Files)
	for _, name := range o.Files {
		size, err := m.restoreFile(ctx, name, &o, &r, func(read, all int64) {
			o.Progress.Report(2*done+read, max(2*total, 2*done+all))
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

// restoreFile imports one file, counts it and returns its size.
func (m *PersistentConversationManager) restoreFile(ctx context.Context, name string, o *RestoreOptions, r *RestoreResult, progress Progress) (int64, error) {
	f, info, err := archive.OpenRegular(filepath.Join(o.Dir, name))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	if o.Check != nil {
		if err := o.Check(name, f); err != nil {
			return info.Size(), err
		}
	}
	_, kept, err := m.importFrom(ctx, archive.Source{At: f, Size: info.Size()}, importOptions{mode: o.Mode, progress: progress, uncounted: o.Uncounted})
	switch {
	case err != nil:
	case kept:
		r.Kept++
	default:
		r.Restored++
	}
	return info.Size(), err
}
