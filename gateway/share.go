package gateway

import (
	"context"
	"log/slog"
)

// The database is asked for work four times a second, so that every replica
// finds what others left. When this one has more than it can take, it says so
// at once, on databases that can pass it on: a hint, never the truth.

// channel is what replicas call each other on.
func (g *Gateway) channel() string { return "parley_work" + g.o.Inbox.Queue() }

// share has other replicas look for work when all workers here are busy.
func (g *Gateway) share() {
	g.mu.Lock()
	busy := len(g.leases) >= g.o.Workers
	g.mu.Unlock()
	if !busy {
		return
	}
	select {
	case g.overflow <- struct{}{}:
	default:
	}
}

// call passes on what share asked for, one call at a time.
func (g *Gateway) call(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.overflow:
		}
		if err := g.o.Inbox.DB.Notify(ctx, g.channel()); err != nil && ctx.Err() == nil {
			g.o.Logger.DebugContext(ctx, "other replicas could not be notified of work", slog.Any("error", err))
		}
	}
}

// listen looks for work whenever another replica has too much.
func (g *Gateway) listen(ctx context.Context) {
	g.o.Inbox.DB.Listen(ctx, g.channel(), g.poke)
}
