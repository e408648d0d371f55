package conversation

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// BackupAll writes every conversation to a JSON file of its own in dir, which
// is made when missing, and returns how many are there. A file appears whole or
// not at all and ends in a checksum; no more than a page of messages is in
// memory. It leaves alone what an earlier run into the same directory has
// written and what is still as it was, so that a run that was cut short goes on.
func (m *PersistentConversationManager) BackupAll(ctx context.Context, dir string) (int, error) {
	r, err := m.Backup(ctx, dir, nil)
	return r.Written + r.Kept, err
}

// BackupResult counts conversations.
type BackupResult struct {
	Written int
	Kept    int // there already, as they are now

	Messages int64
	Files    []string // their names, in the order of the conversations
}

// Backup is [PersistentConversationManager.BackupAll] that tells how far it is
// and what was there already. progress may be nil.
func (m *PersistentConversationManager) Backup(ctx context.Context, dir string, progress Progress) (BackupResult, error) {
	var r BackupResult
	if err := makeDir(dir); err != nil {
		return r, err
	}
	removeStale(dir, m.db.Now())
	var total int64
	if err := m.db.QueryRow(ctx, m.read(), []any{&total}, `SELECT COUNT(*) FROM conversations WHERE visible = 1`); err != nil {
		return r, err
	}
	for after := int64(0); ; {
		page, err := database.All(ctx, m.db, m.read(), (*conversationRow).dest,
			`SELECT `+conversationColumns+` FROM conversations WHERE visible = 1 AND id > ? ORDER BY id LIMIT ?`, after, exportPage)
		if err != nil {
			return r, err
		}
		for i := range page {
			if err := m.backupOnce(ctx, page[i].conversation(), dir, &r); err != nil {
				return r, err
			}
			progress.report(int64(r.Written+r.Kept), total)
		}
		if len(page) < exportPage {
			return r, nil
		}
		after = page[len(page)-1].ID
	}
}

// backupOnce writes a conversation unless its file is there as it is now.
func (m *PersistentConversationManager) backupOnce(ctx context.Context, c *Conversation, dir string, r *BackupResult) error {
	if isCurrent(filepath.Join(dir, fileName(c)), c) {
		r.Kept++
		r.add(c)
		return ctx.Err()
	}
	written, err := m.backupOne(ctx, c.ID, dir)
	if errors.Is(err, ErrNotFound) {
		return nil // deleted since
	}
	if err == nil {
		r.Written++
		r.add(written)
	}
	return err
}

func (r *BackupResult) add(c *Conversation) {
	r.Files, r.Messages = append(r.Files, fileName(c)), r.Messages+c.MessageCount
}

// isCurrent reports whether a backup file is undamaged and was written of the
// conversation as it is: whatever changes messages also changes a counter or
// the time of the last activity.
func isCurrent(path string, c *Conversation) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return false
	}
	var want bytes.Buffer
	head := lines{w: &want}
	head.conversation(c)
	got := make([]byte, want.Len())
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want.Bytes()) {
		return false
	}
	src := source{f, info.Size()}
	return src.checksummed() && src.verify() == nil
}

// staleAge is how old an unfinished file is that nobody writes any more.
const staleAge = 24 * time.Hour

// removeStale removes the unfinished files of runs that died.
func removeStale(dir string, now time.Time) {
	unfinished, _ := filepath.Glob(filepath.Join(dir, ".parley-*.tmp")) // the pattern is a valid one
	for _, path := range unfinished {
		if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > staleAge {
			_ = os.Remove(path) // it is in nobody's way
		}
	}
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the directory cannot be made: %w", err)
	}
	return nil
}

// backupOne writes one conversation to a temporary file, flushes it to the
// disk and gives it its name.
func (m *PersistentConversationManager) backupOne(ctx context.Context, id int64, dir string) (c *Conversation, err error) {
	f, err := os.CreateTemp(dir, ".parley-*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it is renamed there is nothing to remove
	c, err = m.writeChecked(ctx, id, f)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, fileName(c))); err != nil {
		return nil, err
	}
	return c, syncDir(dir)
}

// checksum starts the last member of a backup file, the SHA-256 of all before it.
const checksum = ",\n\"sha256\":\""

func (m *PersistentConversationManager) writeChecked(ctx context.Context, id int64, f io.Writer) (*Conversation, error) {
	hash, buffer := sha256.New(), bufio.NewWriterSize(f, 1<<16)
	c, err := m.exportBody(ctx, m.db.Snapshot, id, io.MultiWriter(buffer, hash))
	if err != nil {
		return nil, err
	}
	if _, err := buffer.WriteString(checksum + hex.EncodeToString(hash.Sum(nil)) + "\"}\n"); err != nil {
		return nil, err
	}
	return c, buffer.Flush()
}

// tailSize is the length of what starts with checksum.
const tailSize = int64(len(checksum) + 2*sha256.Size + len("\"}\n"))

// tail returns what a backup file ends with, "" where it is none.
func (s source) tail() string {
	text := make([]byte, tailSize)
	if s.size < tailSize {
		return ""
	}
	if _, err := s.at.ReadAt(text, s.size-tailSize); err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	if !strings.HasPrefix(string(text), checksum) {
		return ""
	}
	return string(text)
}

// checksummed reports whether the file ends in a checksum.
func (s source) checksummed() bool { return s.tail() != "" }

// verify reports a backup file that has changed since it was written. A file
// without a checksum at its end passes.
func (s source) verify() error {
	tail := s.tail()
	if tail == "" {
		return nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(s.at, 0, s.size-tailSize)); err != nil {
		return err
	}
	if tail != checksum+hex.EncodeToString(hash.Sum(nil))+"\"}\n" {
		return invalidf("the file has been damaged since it was written: its checksum is wrong")
	}
	return nil
}

// fileName returns a name that is safe on every file system for any user key,
// and one conversation's own even where several databases share a directory.
func fileName(c *Conversation) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, c.UserKey)
	hash := database.Hash(string(c.Key().Identity()), c.CreatedAt.String())
	return fmt.Sprintf("%08d-%s-%x.json", c.ID, safe[:min(len(safe), 80)], hash[:4])
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
