package signin

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// How wrong tokens slow their address down. Whoever knows the token is let in
// however many wrong ones come: from an address of their own at once, from the
// guesser's after the same wait, since an answer that comes sooner would tell
// which guess was right.
const (
	freeGuesses   = 10
	forgetAfter   = time.Minute // without a further one
	firstWait     = 100 * time.Millisecond
	waitForEach   = 20 * time.Millisecond // that waits at the same address: 50 guesses a second in all
	longestWait   = 10 * time.Second
	mostAddresses = 4096 // kept apart; further ones count as one
	warnEvery     = time.Minute
)

// guard counts wrong tokens.
type guard struct {
	now     func() time.Time
	refused prometheus.Counter
	log     *slog.Logger

	mu        sync.Mutex
	guessers  map[netip.Addr]*guesser
	warned    time.Time
	sinceThen int
}

// guesser is an address that wrong tokens have come from.
type guesser struct {
	wrong   int
	last    time.Time
	waiting int
}

func newGuard(now func() time.Time, refused prometheus.Counter, log *slog.Logger) *guard {
	return &guard{now: now, refused: refused, log: log, guessers: map[netip.Addr]*guesser{}}
}

// check returns what is returns, after the wait that the address has earned,
// and counts it when it is false. Who does not wait is not told.
func (g *guard) check(ctx context.Context, from netip.Addr, is func() bool) bool {
	if !g.wait(ctx, from) {
		return false
	}
	if is() {
		return true
	}
	g.note(from)
	return false
}

func (g *guard) wait(ctx context.Context, from netip.Addr) bool {
	by, pause := g.enter(from)
	if by == nil {
		return true
	}
	defer func() {
		g.mu.Lock()
		by.waiting--
		g.mu.Unlock()
	}()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// enter returns who has to wait and how long; nil: nobody.
func (g *guard) enter(from netip.Addr) (*guesser, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	by := g.guessers[g.place(from)]
	if by == nil || by.wrong < freeGuesses || g.now().Sub(by.last) >= forgetAfter {
		return nil, 0
	}
	by.waiting++
	return by, min(firstWait+time.Duration(by.waiting)*waitForEach, longestWait)
}

// note counts a wrong token, and warns unless that was done a moment ago.
func (g *guard) note(from netip.Addr) {
	g.refused.Inc()
	g.mu.Lock()
	now := g.now()
	by := g.guesser(from, now)
	by.wrong, by.last = by.wrong+1, now
	g.sinceThen++
	count, warn := g.sinceThen, now.Sub(g.warned) >= warnEvery
	if warn {
		g.warned, g.sinceThen = now, 0
	}
	g.mu.Unlock()
	if warn {
		g.log.Warn("a wrong token or sign-in link was refused", slog.Int("count", count), slog.String("remote_ip", from.String()))
	}
}

func (g *guard) guesser(from netip.Addr, now time.Time) *guesser {
	if len(g.guessers) >= mostAddresses {
		g.forget(now)
	}
	place := g.place(from)
	by := g.guessers[place]
	if by == nil {
		by = &guesser{}
		g.guessers[place] = by
	}
	if now.Sub(by.last) >= forgetAfter {
		by.wrong = 0
	}
	return by
}

// forget drops who has not guessed for a while.
func (g *guard) forget(now time.Time) {
	for from, by := range g.guessers {
		if by.waiting == 0 && now.Sub(by.last) >= forgetAfter {
			delete(g.guessers, from)
		}
	}
}

// place is what an address counts as: in IPv6 its network, since one machine
// has all of it; with too many others, one that they share.
func (g *guard) place(from netip.Addr) netip.Addr {
	if from.Is6() {
		network, _ := from.Prefix(64) // fails for too many bits only
		from = network.Addr()
	}
	if _, known := g.guessers[from]; !known && len(g.guessers) >= mostAddresses {
		return netip.Addr{}
	}
	return from
}
