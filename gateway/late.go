package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/platforms"
)

// Late completes the answer to what was accepted, where its platform wants to
// answer with what became of it.
func (g *Gateway) Late(ctx context.Context, in *platforms.Inbound, accepted []inbox.Accepted) {
	if in.Late == nil || len(accepted) == 0 {
		return
	}
	waiting, settled := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() {
		defer settled()
		g.settle(waiting, accepted[0].ID)
	})
	in.Answer = in.Late(waiting)
	settled()
	looking.Wait()
}

// settle returns when an event is at its end, a model begins to answer it, or ctx
// ends.
func (g *Gateway) settle(ctx context.Context, id int64) {
	s, leave := g.hub.subscribe(id, false)
	defer leave()
	poll := time.NewTicker(waitPoll)
	defer poll.Stop()
	for {
		ended, err := g.o.Inbox.Ended(ctx, []int64{id})
		if err != nil || len(ended) > 0 || s.isBegun() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-poll.C:
		}
	}
}
