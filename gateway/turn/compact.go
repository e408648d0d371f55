package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// Summaries makes summaries of conversations.
type Summaries interface {
	Summarise(ctx context.Context, ask ai.Ask, small string) (ai.Summary, ai.Response, error)
}

const (
	// maxSummaries is how often a summary is tried; then the old one stays until the
	// window is full.
	maxSummaries = 3
	// summaryLimit bounds one try; for a minute more other replicas leave it alone.
	summaryLimit = 3 * time.Minute
	summaryWait  = 20 * time.Second // after a try that failed; it grows with their number
	summaryPoll  = 2 * time.Second  // how often the database is asked for summaries to be made
)

// cutTx moves the anchor of a conversation whose window was full, and has a summary
// made when it will be soon.
func (r *Runner) cutTx(ctx context.Context, tx database.Tx, t *task, id int64, a reply) error {
	if a.anchor != 0 {
		if err := r.o.Store.CutTx(ctx, tx, id, a.anchor, a.folded); err != nil {
			return err
		}
	}
	if !a.full || r.o.Summaries == nil {
		return nil
	}
	return r.o.Store.WantSummaryTx(ctx, tx, id, t.lead().ID)
}

// Compact makes summaries, behind the replies, until ctx ends.
func (r *Runner) Compact(ctx context.Context) {
	tick := time.NewTicker(summaryPoll)
	defer tick.Stop()
	for r.o.Summaries != nil {
		if r.compactNext(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.fuller:
		}
	}
}

// compactSoon wakes who makes summaries in this process.
func (r *Runner) compactSoon() {
	select {
	case r.fuller <- struct{}{}:
	default:
	}
}

// compactNext makes the next summary, and reports false when there is none to be made.
func (r *Runner) compactNext(ctx context.Context) bool {
	c, err := r.o.Store.TakeCompaction(ctx, summaryLimit+time.Minute)
	if err != nil && ctx.Err() == nil {
		r.o.Metrics.DatabaseFails.Inc()
		r.o.Logger.ErrorContext(ctx, "database operation failed", slog.String("operation", "look for summaries to be made"), slog.Any("error", err))
	}
	if err != nil || c == nil {
		return false
	}
	r.compact(ctx, c)
	return true
}

// compact makes one summary. Whatever goes wrong, the conversation goes on with the one it has.
func (r *Runner) compact(ctx context.Context, c *conversation.Compaction) {
	limited, cancel := context.WithTimeout(ctx, summaryLimit)
	defer cancel()
	err := r.summarise(limited, c)
	if err == nil {
		r.o.Metrics.Summaries.WithLabelValues("ok").Inc()
		return
	}
	r.o.Metrics.Summaries.WithLabelValues("failed").Inc()
	wait := time.Duration(c.Attempts) * summaryWait
	switch kind := failure.KindOf(err); {
	case ctx.Err() != nil: // at a shutdown the next one may take it at once
		wait = 0
	case failure.CodeOf(err) == ai.CodeNothingToFold, kind == failure.NotFound, c.Attempts >= maxSummaries:
		wait = -1
	}
	r.o.Logger.WarnContext(ctx, "a summary failed",
		slog.Int64("conversation", c.Conversation), slog.Int64("attempts", c.Attempts), slog.String("error", err.Error()))
	kept, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := r.o.Store.RetryCompaction(kept, c, wait); err != nil {
		r.o.Logger.WarnContext(ctx, "a failed summary could not be recorded; it will be tried again after its time limit", slog.Any("error", err))
	}
}

func (r *Runner) summarise(ctx context.Context, c *conversation.Compaction) error {
	e, err := r.o.Inbox.Get(ctx, c.Event)
	if err == nil && e.Event.SenderID == "" {
		err = failure.New(failure.NotFound, "erased", "", errors.New("whose message led to it is forgotten"))
	}
	if err != nil {
		return fmt.Errorf("event %d: %w", c.Event, err)
	}
	conv, err := r.o.Store.Get(ctx, c.Conversation)
	if err != nil {
		return err
	}
	t := &task{Work: &inbox.Work{Events: []inbox.Event{e}}, key: conv.Key()}
	ask, err := r.prompt(ctx, t.key, conv, person(&e.Event))
	if err != nil {
		return err
	}
	ask.Next, ask.Reserve, ask.Tools = ai.Summary{}, r.reserve(t), r.tools(ctx, t, conv)
	ask.Lost = func(call ai.Response) { r.countLost(ctx, t, call) }
	others := foreign(&ask, e.Event.UserKey())
	made, response, err := r.o.Summaries.Summarise(ctx, ask, r.o.SmallModel)
	if err != nil && response.Endpoint != "" {
		r.countLost(ctx, t, response)
	}
	if err != nil {
		return err
	}
	return r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := r.o.Store.KeepSummaryTx(ctx, tx, c, conversation.Summary{Text: made.Text, End: made.End, Foreign: others}); err != nil {
			return err
		}
		return r.countTx(ctx, tx, t, []ai.Response{response})
	})
}
