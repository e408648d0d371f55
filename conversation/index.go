package conversation

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	// indexWait is how long after it was heard of a block is built: by then its
	// commit has ended, and several are built together.
	indexWait = time.Second
	// maxFilled bounds how many conversations wait; of more nothing is noted.
	maxFilled = 1024
)

// noteFilled tells that a conversation has a block that is not built.
func (m *PersistentConversationManager) noteFilled(id int64) {
	select {
	case m.filled <- id:
	default:
	}
}

// Index builds the blocks that searches look through, behind the commits that
// fill them, until ctx ends. What is not built yet, or not heard of, searches
// find by reading the messages.
func (m *PersistentConversationManager) Index(ctx context.Context, log *slog.Logger) {
	waiting := map[int64]bool{}
	timer := time.NewTimer(indexWait)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-m.filled:
			if len(waiting) == 0 {
				timer.Reset(indexWait)
			}
			if len(waiting) < maxFilled {
				waiting[id] = true
			}
		case <-timer.C:
			for id := range waiting {
				err := m.buildBlocks(ctx, id)
				if err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
					log.WarnContext(ctx, "messages could not be indexed for searches", slog.Int64("conversation_id", id), slog.Any("error", err))
				}
			}
			clear(waiting)
		}
	}
}
