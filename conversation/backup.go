package conversation

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/parley-bot/parley/conversation/archive"
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
	if err := archive.MakeDir(dir); err != nil {
		return r, err
	}
	archive.RemoveStale(dir, m.db.Now())
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
			progress.Report(int64(r.Written+r.Kept), total)
		}
		if len(page) < exportPage {
			return r, nil
		}
		after = page[len(page)-1].ID
	}
}

// backupOnce writes a conversation unless its file is there as it is now.
func (m *PersistentConversationManager) backupOnce(ctx context.Context, c *Conversation, dir string, r *BackupResult) error {
	if archive.IsCurrent(filepath.Join(dir, archive.FileName(c)), c, m.whole(ctx, c.ID)) {
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
	r.Files, r.Messages = append(r.Files, archive.FileName(c)), r.Messages+c.MessageCount
}

// backupOne writes one conversation to the file of its own.
func (m *PersistentConversationManager) backupOne(ctx context.Context, id int64, dir string) (*Conversation, error) {
	return archive.WriteFile(dir, m.whole(ctx, id))
}

// whole returns what writes a conversation in the form of backups.
func (m *PersistentConversationManager) whole(ctx context.Context, id int64) func(io.Writer) (*Conversation, error) {
	return func(w io.Writer) (*Conversation, error) { return m.exportBody(ctx, m.db.Snapshot, id, w, true) }
}
