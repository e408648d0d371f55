package gateway

import (
	"context"
	"log/slog"
	"time"
)

// suspectsAtOnce is how many conversations are taken up side by side after
// their process died. One at a time would leave the last of many waiting for
// minutes after every crash; all at once, the one that kills the process would
// take everybody's second attempt with it.
const suspectsAtOnce = 8

// suspects is what the dispatcher knows of conversations that were being
// answered when their process died (see inbox). Its rules:
//
//   - a few of them at a time, beside fresh work;
//   - one whose process died again since: with nothing else beside it. Nothing
//     more is claimed until the turns that run have ended and then its own.
type suspects struct {
	looked  time.Time     // when it was last asked for them
	running chan struct{} // holds a token for each that is being answered
}

func newSuspects(workers int) suspects {
	return suspects{running: make(chan struct{}, max(1, min(suspectsAtOnce, workers/2)))}
}

// due reports whether it is time to look for the next one.
func (s *suspects) due() bool {
	return time.Since(s.looked) >= pollEvery && len(s.running) < cap(s.running)
}

// suspect takes up suspects as long as there are any whose time has come.
func (g *Gateway) suspect(ctx context.Context, r Runner, free chan struct{}, s *suspects) {
	for s.due() && len(free) < cap(free) {
		s.looked = time.Now()
		waits, alone, err := g.Inbox.Suspect(ctx)
		if err != nil {
			g.databaseFailed(ctx, "look for suspects", err)
		}
		if !waits || !g.takeUp(ctx, r, free, s, alone) {
			return
		}
		s.looked = time.Time{} // there may be more
	}
}

// takeUp answers the next suspect and reports whether there was one. It returns
// when that is being answered or, if it must run alone, has been.
func (g *Gateway) takeUp(ctx context.Context, r Runner, free chan struct{}, s *suspects, alone bool) bool {
	places := 1
	if alone {
		places = cap(free)
	}
	if !g.take(free, places) {
		return false
	}
	w, err := g.Inbox.ClaimSuspect(ctx, alone)
	if err != nil {
		g.databaseFailed(ctx, "claim a suspect", err)
	}
	if w == nil {
		give(free, places)
		return false
	}
	g.Logger.WarnContext(ctx, "answering what was being answered when its process died",
		slog.Int64("event", w.Events[0].ID), slog.Bool("alone", alone), slog.Int64("deaths_alone", w.CrashedAlone()))
	s.running <- struct{}{}
	ended := make(chan struct{})
	g.launch(ctx, r, w, func() {
		give(free, places)
		<-s.running
		close(ended)
	})
	if !alone {
		return true
	}
	select {
	case <-ended:
		return true
	case <-g.quit:
		return false
	}
}

// take waits until n workers are free and takes their places. It reports false
// when the gateway stops first.
func (g *Gateway) take(free chan struct{}, n int) bool {
	for taken := range n {
		select {
		case free <- struct{}{}:
		case <-g.quit:
			give(free, taken)
			return false
		}
	}
	return true
}

func give(free chan struct{}, n int) {
	for range n {
		<-free
	}
}
