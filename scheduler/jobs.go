package scheduler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/metrics"
)

// A Work is what a [Job] runs.
type Work = func(ctx context.Context) (result string, err error)

// Cleaner deletes conversations that have been idle for a number of days and
// returns how many. CleanupOldArchived writes those of the user keys (none =
// all) to dir first; when that fails nothing is deleted.
type Cleaner interface {
	CleanupOld(ctx context.Context, days int) (int64, error)
	CleanupOldArchived(ctx context.Context, days int, dir string, users []string) (int64, error)
}

// Cleanup deletes conversations idle for days, archived to archiveDir first
// unless that is "".
func Cleanup(store Cleaner, days int, archiveDir string, users []string) Work {
	return func(ctx context.Context) (string, error) {
		var n int64
		var err error
		if archiveDir == "" {
			n, err = store.CleanupOld(ctx, days)
		} else {
			n, err = store.CleanupOldArchived(ctx, days, archiveDir, users)
		}
		return fmt.Sprintf("%d conversations deleted", n), err
	}
}

// Vacuumer gives unused space back.
type Vacuumer interface {
	Vacuum(ctx context.Context) error
}

// Vacuum gives unused space back.
func Vacuum(store Vacuumer) Work {
	return func(ctx context.Context) (string, error) { return "", store.Vacuum(ctx) }
}

// Backuper writes everything to a directory that exists and returns how many conversations there are.
type Backuper interface {
	BackupAll(ctx context.Context, dir string) (int, error)
}

// unfinished marks the folder of a backup that is being made, or was cut short.
const unfinished = ".incomplete"

// Backup writes everything to a new folder of dir, named by the time
// of the run in UTC: 20261231-235959. The folder gets that name once it is whole.
func Backup(store Backuper, dir string, now func() time.Time) Work {
	return func(ctx context.Context) (string, error) {
		n, folder, err := BackupIn(ctx, store, dir, now())
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d conversations in %s", n, folder), nil
	}
}

// BackupIn is one run of [Backup]. It returns how many conversations there are,
// and the folder.
func BackupIn(ctx context.Context, store Backuper, dir string, now time.Time) (n int, folder string, err error) {
	if folder, err = newFolder(dir, now.UTC()); err != nil {
		return 0, "", fmt.Errorf("backup directory: %w", err)
	}
	if n, err = store.BackupAll(ctx, folder+unfinished); err != nil {
		_ = os.Remove(folder + unfinished) // succeeds only when it is empty
		return 0, "", err
	}
	if err := os.Rename(folder+unfinished, folder); err != nil {
		return 0, "", fmt.Errorf("backup directory: %w", err)
	}
	return n, folder, nil
}

// newFolder returns a name after the time, or after the next second that is
// free, and makes the folder of its unfinished state.
func newFolder(dir string, at time.Time) (string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	for ; ; at = at.Add(time.Second) {
		folder := filepath.Join(dir, at.Format("20060102-150405"))
		if _, err := os.Lstat(folder); err == nil {
			continue
		}
		err := os.Mkdir(folder+unfinished, 0o750)
		if err == nil {
			return folder, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
}

// Counter knows how much is stored.
type Counter interface {
	Stats(ctx context.Context) (conversation.Stats, error)
}

// Thresholds say when a report warns; 0 = never.
type Thresholds struct {
	Tokens, Conversations int64
}

// Report writes how much is stored to the metrics and the log, as a warning
// for what has reached its threshold. m and log may be nil.
func Report(store Counter, limits Thresholds, m *metrics.Metrics, log *slog.Logger) Work {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return func(ctx context.Context) (string, error) {
		s, err := store.Stats(ctx)
		if err != nil {
			return "", err
		}
		if m != nil {
			m.Conversations.Set(float64(s.TotalConversations))
			m.TotalTokens.Set(float64(s.TotalTokens))
		}
		warn(ctx, log, "conversations", s.TotalConversations, limits.Conversations)
		warn(ctx, log, "tokens", s.TotalTokens, limits.Tokens)
		return fmt.Sprintf("%d conversations, %d messages, %d tokens",
			s.TotalConversations, s.TotalMessages, s.TotalTokens), nil
	}
}

func warn(ctx context.Context, log *slog.Logger, what string, n, limit int64) {
	if limit > 0 && n >= limit {
		log.WarnContext(ctx, "a monitor threshold is reached",
			slog.String("what", what), slog.Int64("count", n), slog.Int64("threshold", limit))
	}
}
