package gateway

import (
	"context"
	"log/slog"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
)

const (
	// quarantineAtOnce is how many quarantined conversations are answered side
	// by side. One at a time would leave the last of many waiting for minutes
	// after every crash; all at once, the poison message among them would take
	// everybody's second attempt with it.
	quarantineAtOnce = 8
	// loneEvery is how long a process that is never idle puts off work that
	// must run alone. Then it claims nothing until that has had its turn.
	loneEvery = time.Minute
)

// quarantine is what the dispatcher knows of work that is kept apart (see
// [inbox.Isolation]). Work that must run alone waits for a moment when nothing
// runs and nothing normal is to be claimed, so that a fresh message waits for
// one such run at most.
type quarantine struct {
	looked time.Time // when the database was asked what is ready
	ready  [inbox.Alone + 1]bool
	beside chan struct{} // holds a token for each that is answered beside normal work
	lone   time.Time     // since when work that must run alone has been put off
}

func newQuarantine(workers int) quarantine {
	return quarantine{beside: make(chan struct{}, min(quarantineAtOnce, workers/2)), lone: time.Now()}
}

// look asks what is ready, and reports whether anything is.
func (g *Gateway) look(ctx context.Context, q *quarantine) bool {
	ready, err := g.o.Inbox.Ready(ctx)
	if err != nil {
		g.databaseFailed(ctx, "look for work", err)
		return false
	}
	q.looked, q.ready = time.Now(), ready
	if q.mustRunAlone() == inbox.Normal {
		q.lone = q.looked
	}
	return ready != [inbox.Alone + 1]bool{}
}

// mustRunAlone returns what waits to run alone, Normal when nothing does. With
// a single worker that is whatever is quarantined.
func (q *quarantine) mustRunAlone() inbox.Isolation {
	switch {
	case q.ready[inbox.Alone]:
		return inbox.Alone
	case q.ready[inbox.Quarantine] && cap(q.beside) == 0:
		return inbox.Quarantine
	}
	return inbox.Normal
}

// runQuarantined takes up what is quarantined beside normal work.
func (g *Gateway) runQuarantined(ctx context.Context, r Runner, free chan struct{}, q *quarantine) {
	if time.Since(q.looked) >= pollEvery {
		g.look(ctx, q)
	}
	n := min(cap(q.beside)-len(q.beside), cap(free)-len(free))
	if n > 0 && q.ready[inbox.Quarantine] {
		q.ready[inbox.Quarantine] = n == g.claim(ctx, r, inbox.Quarantine, n, free, q.beside)
	}
}

// runAlone answers work that must run alone if it is its turn, and reports
// whether it did. It returns when nothing runs any more.
func (g *Gateway) runAlone(ctx context.Context, r Runner, free chan struct{}, q *quarantine) bool {
	as := q.mustRunAlone()
	if as == inbox.Normal || len(free) > 0 && time.Since(q.lone) < loneEvery {
		return false
	}
	g.turns.Wait()
	n := g.claim(ctx, r, as, 1, free)
	g.turns.Wait()
	q.ready[as], q.lone = false, time.Now()
	q.looked = time.Time{} // there may be more
	return n > 0
}

// warn says in the log what is answered apart.
func (g *Gateway) warn(ctx context.Context, w *inbox.Work) {
	if w.Isolation() != inbox.Normal {
		g.o.Logger.WarnContext(ctx, "retrying an event whose process died while answering it", slog.Int64("event", w.Events[0].ID),
			slog.Bool("alone", w.Isolation() == inbox.Alone), slog.Int64("deaths_alone", w.CrashedAlone()))
	}
}
