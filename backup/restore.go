package backup

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/archive"
)

// IsWhole reports whether a folder has a manifest.
func IsWhole(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ManifestName))
	return err == nil
}

// Restored counts what a restore has brought.
type Restored struct {
	conversation.RestoreResult

	// Whole is false where the folder had no manifest: then there were
	// conversations only.
	Whole bool
}

// Restore takes a folder back: conversations as the mode says; preferences,
// facts, scores, counts and the like are replaced in mode replace, else what is
// not there is added. It goes on past a file that is damaged, and names all of
// those in the error. Modes merge and replace may be run again after it was cut short.
func (k *Keeper) Restore(ctx context.Context, dir string, mode conversation.ImportMode, progress conversation.Progress) (Restored, error) {
	m, err := readManifest(dir)
	if errors.Is(err, errNoManifest) {
		return k.restoreConversations(ctx, dir, mode, progress)
	}
	if err != nil {
		return Restored{}, err
	}
	r, files := Restored{Whole: true}, map[string]File{}
	var conversations, parts []string
	for _, f := range m.Files {
		files[f.Name] = f
		if strings.HasSuffix(f.Name, partSuffix) {
			parts = append(parts, f.Name)
		} else {
			conversations = append(conversations, f.Name)
		}
	}
	var failed []error
	r.RestoreResult, err = k.Store.RestoreFiles(ctx, conversation.RestoreOptions{
		Dir: dir, Files: conversations, Mode: mode, Progress: progress, Uncounted: true,
		Check: func(name string, f *os.File) error { return files[name].check(ctx, f) },
	})
	failed = append(failed, err)
	for _, name := range parts {
		if err := ctx.Err(); err != nil {
			failed = append(failed, err)
			break
		}
		if err := k.restorePart(ctx, dir, files[name], mode); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, withoutPath(err)))
		}
	}
	others, err := m.others(dir)
	failed = append(failed, err)
	for _, name := range others {
		failed = append(failed, fmt.Errorf("%s: not part of the backup%s", name, irregular(dir, name)))
	}
	return r, oneLine(failed)
}

// irregular says so of what is no regular file.
func irregular(dir, name string) string {
	if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.Mode().IsRegular() {
		return ", and not a regular file"
	}
	return ""
}

// restoreConversations is Restore of a folder without a manifest.
func (k *Keeper) restoreConversations(ctx context.Context, dir string, mode conversation.ImportMode, progress conversation.Progress) (Restored, error) {
	var r Restored
	var err error
	r.RestoreResult, err = k.Store.RestoreFrom(ctx, dir, mode, progress)
	failed := []error{err}
	unfinished, _ := filepath.Glob(filepath.Join(dir, "*"+partSuffix)) // the pattern is a valid one
	for _, path := range unfinished {
		failed = append(failed, fmt.Errorf("%s: it belongs to a complete backup, but there is no %s", filepath.Base(path), ManifestName))
	}
	return r, oneLine(failed)
}

// addAtOnce is how many records are added in one commit.
const addAtOnce = 200

// longestRecord bounds a line of a part's file.
const longestRecord = 4 << 20

// restorePart checks the whole file before it changes anything.
func (k *Keeper) restorePart(ctx context.Context, dir string, f File, mode conversation.ImportMode) error {
	part := k.part(f.Name)
	if part == nil {
		return errors.New("this part cannot be stored here: the backup was made with another memory.backend, or by a newer version")
	}
	open, _, err := archive.OpenRegular(filepath.Join(dir, f.Name))
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }() // it was only read
	if err := f.check(ctx, open); err != nil {
		return err
	}
	if err := lines(open, func([]json.RawMessage) error { return ctx.Err() }); err != nil {
		return err
	}
	if mode == conversation.ImportReplace {
		if err := part.Empty(ctx); err != nil {
			return err
		}
	}
	return lines(open, func(records []json.RawMessage) error { return part.Add(ctx, records) })
}

// lines gives fn the records of a file, some at a time.
func lines(f *os.File, fn func([]json.RawMessage) error) error {
	in := bufio.NewScanner(io.NewSectionReader(f, 0, 1<<62))
	in.Buffer(make([]byte, 1<<16), longestRecord)
	var records []json.RawMessage
	size := 0
	for n := 1; in.Scan(); n++ {
		if !json.Valid(in.Bytes()) {
			return fmt.Errorf("line %d is not JSON", n)
		}
		records, size = append(records, json.RawMessage(in.Text())), size+len(in.Bytes())
		if len(records) == addAtOnce || size > longestRecord {
			if err := fn(records); err != nil {
				return err
			}
			records, size = records[:0], 0
		}
	}
	if err := in.Err(); err != nil || len(records) == 0 {
		return err
	}
	return fn(records)
}

// Count is how many records a part has.
type Count struct {
	Title string
	N     int64
}

// Counts returns how many records each part of the database has.
func (k *Keeper) Counts(ctx context.Context) ([]Count, error) {
	list := make([]Count, len(k.Parts))
	for i, part := range k.Parts {
		n, err := part.Count(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.Title(), err)
		}
		list[i] = Count{part.Title(), n}
	}
	return list, nil
}

// oneLine joins errors into one line; nil when there are none.
func oneLine(errs []error) error {
	var texts several
	for _, err := range errs {
		if err != nil {
			texts = append(texts, err)
		}
	}
	switch len(texts) {
	case 0:
		return nil
	case 1:
		return texts[0]
	}
	return texts
}

// several is errors.Join with "; " between them.
type several []error

func (s several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns all of them, for errors.Is.
func (s several) Unwrap() []error { return s }
