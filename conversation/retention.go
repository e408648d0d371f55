package conversation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// MaxDays is how far back a cleanup may look: a hundred years. Beyond the
// range of a date, the days would wrap round and everything would be old.
const MaxDays = 36500

// cleanupBatch is how many conversations are looked up at once.
const cleanupBatch = 100

// CleanupOld deletes the conversations without activity in the last days and
// returns how many. It works in small commits beside the savers, then sweeps
// (see [PersistentConversationManager.Sweep]). days below 1 or above [MaxDays] is [ErrInvalid].
func (m *PersistentConversationManager) CleanupOld(ctx context.Context, days int) (int64, error) {
	return m.Cleanup(ctx, CleanupOptions{Days: days})
}

// CleanupOldArchived is CleanupOld that first writes each conversation to dir,
// in the form of [PersistentConversationManager.BackupAll]; of all users, or of
// those named. What cannot be archived is not deleted, and named in the error.
func (m *PersistentConversationManager) CleanupOldArchived(ctx context.Context, days int, dir string, users []string) (deleted int64, err error) {
	if dir == "" {
		return 0, message.Invalidf("the archive directory is empty")
	}
	return m.Cleanup(ctx, CleanupOptions{Days: days, ArchiveDir: dir, Users: users})
}

// CleanupOptions say what is deleted.
type CleanupOptions struct {
	Days       int      // without activity; 1 to MaxDays
	ArchiveDir string   // where each is written to first; "" = nowhere
	Users      []string // whose are archived; none = everybody's
	Progress   Progress // nil, or told how many conversations are done
}

// Cleanup is CleanupOld or CleanupOldArchived, as the options say.
func (m *PersistentConversationManager) Cleanup(ctx context.Context, o CleanupOptions) (deleted int64, err error) {
	if err := checkDays(o.Days); err != nil {
		return 0, err
	}
	if o.ArchiveDir == "" {
		return m.cleanup(ctx, o, nil)
	}
	if err := archive.MakeDir(o.ArchiveDir); err != nil {
		return 0, err
	}
	wanted := make(map[string]bool, len(o.Users))
	for _, u := range o.Users {
		wanted[u] = true
	}
	return m.cleanup(ctx, o, func(c *oldConversation) (bool, error) {
		if len(wanted) > 0 && !wanted[c.UserKey] {
			return true, nil
		}
		return m.archiveOld(ctx, o.ArchiveDir, c)
	})
}

func checkDays(days int) error {
	if days < 1 || days > MaxDays {
		return message.Invalidf("days %d is not between 1 and %d", days, MaxDays)
	}
	return nil
}

// CountOld returns how many conversations [PersistentConversationManager.CleanupOld]
// would delete now, and how many messages are in them.
func (m *PersistentConversationManager) CountOld(ctx context.Context, days int) (conversations, messages int64, err error) {
	if err := checkDays(days); err != nil {
		return 0, 0, err
	}
	err = m.db.QueryRow(ctx, m.read(), []any{&conversations, &messages},
		`SELECT COUNT(*), COALESCE(SUM(message_count), 0) FROM conversations WHERE visible = 1 AND last_activity < ?`,
		m.db.TimeArg(m.db.Now().AddDate(0, 0, -days)))
	return conversations, messages, err
}

// archiveOld writes one conversation and reports whether it may be deleted.
func (m *PersistentConversationManager) archiveOld(ctx context.Context, dir string, c *oldConversation) (bool, error) {
	_, err := m.backupOne(ctx, c.ID, dir)
	if errors.Is(err, ErrNotFound) {
		return false, nil // somebody else deleted it
	}
	if err != nil {
		return false, fmt.Errorf("conversation %d was not archived and not deleted: %w", c.ID, err)
	}
	return true, nil
}

// oldConversation is what cleanup needs to know.
type oldConversation struct {
	ID           int64
	UserKey      string
	LastActivity time.Time
}

func (c *oldConversation) dest() []any { return []any{&c.ID, &c.UserKey, &c.LastActivity} }

// cleanup deletes old conversations that before, if not nil, lets go.
func (m *PersistentConversationManager) cleanup(ctx context.Context, o CleanupOptions, before func(*oldConversation) (bool, error)) (deleted int64, err error) {
	cutoff := m.db.Now().AddDate(0, 0, -o.Days)
	var failed []error
	var done, total int64
	err = m.db.QueryRow(ctx, m.read(), []any{&total}, `SELECT COUNT(*) FROM conversations WHERE visible = 1 AND last_activity < ?`, m.db.TimeArg(cutoff))
	if err != nil {
		return 0, err
	}
	for after := (oldConversation{}); ; {
		batch, err := m.oldBatch(ctx, cutoff, after)
		if err != nil {
			return deleted, oneLine(append(failed, err)...)
		}
		if len(batch) == 0 {
			break
		}
		after = batch[len(batch)-1]
		done += int64(len(batch))
		batch, errs := letGo(batch, before)
		failed = append(failed, errs...)
		n, err := m.deleteOld(ctx, batch, cutoff)
		deleted += n
		if err != nil {
			return deleted, oneLine(append(failed, err)...)
		}
		o.Progress.Report(min(done, total), total)
	}
	if _, err := m.Sweep(ctx); err != nil {
		failed = append(failed, err)
	}
	if err := m.tokens.Compact(ctx); err != nil {
		failed = append(failed, err)
	}
	return deleted, oneLine(failed...)
}

// letGo returns those that may be deleted.
func letGo(batch []oldConversation, before func(*oldConversation) (bool, error)) (kept []oldConversation, errs []error) {
	if before == nil {
		return batch, nil
	}
	for i := range batch {
		ok, err := before(&batch[i])
		if err != nil {
			errs = append(errs, err)
		}
		if ok {
			kept = append(kept, batch[i])
		}
	}
	return kept, errs
}

// oldBatch returns the next conversations in the order of the index on last_activity.
func (m *PersistentConversationManager) oldBatch(ctx context.Context, cutoff time.Time, after oldConversation) ([]oldConversation, error) {
	where, args := "", []any{m.db.TimeArg(cutoff)}
	if after.ID != 0 {
		last := m.db.TimeArg(after.LastActivity)
		where, args = " AND last_activity >= ? AND (last_activity > ? OR id > ?)", append(args, last, last, after.ID)
	}
	return database.All(ctx, m.db, m.read(), (*oldConversation).dest, `SELECT id, user_key, last_activity FROM conversations
		WHERE visible = 1 AND last_activity < ?`+where+` ORDER BY last_activity, id LIMIT ?`, append(args, cleanupBatch)...)
}

// deleteOld hides those of batch that have stayed as they were, in one commit,
// and removes them in slices.
func (m *PersistentConversationManager) deleteOld(ctx context.Context, batch []oldConversation, cutoff time.Time) (int64, error) {
	var hidden []int64
	err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		hidden = hidden[:0]
		for _, c := range batch {
			// Activity since it was archived would be lost without a trace.
			err := m.hide(ctx, tx, c.ID, `visible = 1 AND last_activity = ? AND last_activity < ?`, m.db.TimeArg(c.LastActivity), m.db.TimeArg(cutoff))
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			hidden = append(hidden, c.ID)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return m.removeHidden(ctx, hidden)
}
