package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/service"
)

// countEvery is for how long a count of the ledger is good enough.
const countEvery = 5 * time.Second

// Health is how the gateway stands, for operators. Events that are dead or
// wait for long do not make it unable to serve.
type Health struct {
	Events   EventHealth              `json:"events"`
	Circuits map[string]breaker.State `json:"circuits"`
}

// EventHealth is how the ledger stands. No count goes beyond 100,000.
type EventHealth struct {
	Waiting       int64   `json:"waiting"`     // for their turn or next attempt, those being answered included
	Running       int64   `json:"running"`     // conversations being answered, on all replicas
	Failed        int64   `json:"failed"`      // will be tried again
	Dead          int64   `json:"dead"`        // nobody answers them unless an admin acts
	Quarantined   int64   `json:"quarantined"` // conversations that wait apart since their process died
	OldestSeconds float64 `json:"oldest_waiting_seconds"`
}

// counts is the last count of the ledger.
type counts struct {
	mu    sync.Mutex
	at    time.Time
	known inbox.Counts
}

// Health returns how things stand; the ledger is counted every 5 seconds at most.
func (g *Gateway) Health(ctx context.Context) (Health, error) {
	c, err := g.count(ctx)
	return Health{
		Events: EventHealth{
			Waiting: c.Waiting, Running: c.Running, Failed: c.Failed, Dead: c.Dead, Quarantined: c.Quarantined,
			OldestSeconds: c.Oldest.Seconds(),
		},
		Circuits: g.o.Circuits.States(),
	}, err
}

func (g *Gateway) count(ctx context.Context) (inbox.Counts, error) {
	g.counts.mu.Lock()
	defer g.counts.mu.Unlock()
	if time.Since(g.counts.at) < countEvery {
		return g.counts.known, nil
	}
	known, err := g.o.Inbox.Count(ctx)
	if err != nil {
		return inbox.Counts{}, err
	}
	g.counts.at, g.counts.known = time.Now(), known
	return known, nil
}

// measure keeps the gauges current.
func (g *Gateway) measure(ctx context.Context) {
	g.gauge(ctx)
	for range service.Every(ctx, countEvery) {
		g.gauge(ctx)
	}
}

func (g *Gateway) gauge(ctx context.Context) {
	h, err := g.Health(ctx)
	for endpoint, state := range h.Circuits {
		g.o.Metrics.Circuits.WithLabelValues(endpoint).Set(state.Level())
	}
	if err != nil {
		if ctx.Err() == nil {
			g.databaseFailed(ctx, "count events", err)
		}
		return
	}
	g.o.Metrics.Queue.Set(float64(h.Events.Waiting))
	g.o.Metrics.Running.Set(float64(h.Events.Running))
	g.o.Metrics.Failed.Set(float64(h.Events.Failed))
	g.o.Metrics.Dead.Set(float64(h.Events.Dead))
	g.o.Metrics.Quarantined.Set(float64(h.Events.Quarantined))
	g.o.Metrics.Oldest.Set(h.Events.OldestSeconds)
}
