package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
)

// Keeper makes backups of one database and takes them back.
type Keeper struct {
	Store   *conversation.PersistentConversationManager
	Parts   []database.Part // beside conversations
	DB      *database.DB
	Program string // the version of this program
	Schema  string // the newest migration of the database
}

// Result is what a backup holds.
type Result struct {
	conversation.BackupResult

	// Others are files of the folder that are no part of the backup.
	Others []string
}

// BackupAll writes everything to dir and returns how many conversations there are.
func (k *Keeper) BackupAll(ctx context.Context, dir string) (int, error) {
	r, err := k.Write(ctx, dir, nil)
	return r.Written + r.Kept, err
}

// Write writes everything to dir, which is made when missing. The manifest
// comes last: a folder has it when it is whole. Run again, it goes on where it
// was cut short, and writes conversations only that have changed.
func (k *Keeper) Write(ctx context.Context, dir string, progress conversation.Progress) (Result, error) {
	var r Result
	// From here on what is in the folder is not what an older manifest says.
	if err := os.Remove(filepath.Join(dir, ManifestName)); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return r, withoutPath(err)
	}
	var err error
	if r.BackupResult, err = k.Store.Backup(ctx, dir, progress); err != nil {
		return r, err
	}
	m := &Manifest{
		Format: format, Program: k.Program, Schema: k.Schema, CreatedAt: k.DB.Now(),
		Counts: map[string]int64{"conversations": int64(r.Written + r.Kept), "messages": r.Messages},
	}
	for _, part := range k.Parts {
		if err := writePart(ctx, dir, part, m); err != nil {
			return r, fmt.Errorf("%s: %w", part.Title(), err)
		}
	}
	for _, name := range r.Files {
		if err := m.add(ctx, dir, name); err != nil {
			return r, err
		}
	}
	text, err := m.text()
	if err != nil {
		return r, err
	}
	if err := writeFile(dir, ManifestName, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}); err != nil {
		return r, err
	}
	r.Others, err = m.others(dir)
	return r, err
}

// add describes a file of the folder.
func (m *Manifest) add(ctx context.Context, dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	described, err := describe(ctx, f, name)
	m.Files = append(m.Files, described)
	return err
}

const partSuffix = ".jsonl"

func writePart(ctx context.Context, dir string, part database.Part, m *Manifest) error {
	name, n := part.Title()+partSuffix, int64(0)
	err := writeFile(dir, name, func(w io.Writer) error {
		return part.Each(ctx, func(record []byte) error {
			n++
			_, err := w.Write(append(record, '\n'))
			return errors.Join(err, ctx.Err())
		})
	})
	if err != nil {
		return err
	}
	m.Counts[part.Title()] = n
	return m.add(ctx, dir, name)
}

// writeFile makes a file that appears whole or not at all.
func writeFile(dir, name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(dir, ".parley-*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it is renamed there is nothing to remove
	buffer := bufio.NewWriterSize(f, 1<<16)
	err = write(buffer)
	if err == nil {
		err = errors.Join(buffer.Flush(), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// others returns the names in a folder that are no part of the backup; hidden
// ones and folders are none of its business.
func (m *Manifest) others(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{ManifestName: true}
	for _, f := range m.Files {
		known[f.Name] = true
	}
	var list []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !known[e.Name()] {
			list = append(list, e.Name())
		}
	}
	return list, nil
}

// Verify checks a folder without writing anything. Each problem names a file;
// the error is for a folder that cannot be checked.
func Verify(ctx context.Context, dir string, progress conversation.Progress) (m *Manifest, problems []string, err error) {
	if m, err = readManifest(dir); err != nil {
		return nil, nil, err
	}
	for i, f := range m.Files {
		if err := f.checkIn(ctx, dir); err != nil {
			problems = append(problems, f.Name+": "+err.Error())
		}
		if progress != nil {
			progress(int64(i+1), int64(len(m.Files)))
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
	}
	others, err := m.others(dir)
	for _, name := range others {
		problems = append(problems, name+": not part of the backup")
	}
	return m, problems, err
}

// part returns what takes the records of a file, nil where there is none.
func (k *Keeper) part(name string) database.Part {
	i := slices.IndexFunc(k.Parts, func(p database.Part) bool { return p.Title()+partSuffix == name })
	if i < 0 {
		return nil
	}
	return k.Parts[i]
}
