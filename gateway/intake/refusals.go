package intake

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-bot/parley/internal/failure"
)

// sayRefusals is how often deliveries refused for one reason are logged at most.
const sayRefusals = time.Minute

// refusals tells an operator of deliveries that were not taken. Strangers can
// cause as many as they like: all are counted, and few are logged.
type refusals struct {
	count *prometheus.CounterVec // platform, reason
	log   *slog.Logger
	now   func() time.Time

	mu   sync.Mutex
	said map[refusal]*refused
}

type refusal struct{ platform, reason string }

// refused is what is known of one kind of refusal.
type refused struct {
	at    time.Time // of the last line
	since int       // refusals after it
}

// note counts one refusal. The reasons are the codes of our own errors, so they
// are few.
func (r *refusals) note(ctx context.Context, platform string, err error) {
	kind := refusal{platform, failure.CodeOf(err)}
	r.count.WithLabelValues(kind.platform, kind.reason).Inc()
	if n := r.due(kind); n > 0 {
		r.log.WarnContext(ctx, "webhooks are refused", slog.String("platform", kind.platform), slog.String("reason", kind.reason),
			slog.Int("count", n), slog.String("message", failure.SafeOf(err)))
	}
}

// due returns how many refusals a line is to tell of now; 0: no line.
func (r *refusals) due(kind refusal) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.said[kind]
	if last == nil {
		last = &refused{}
		r.said[kind] = last
	}
	last.since++
	now := r.now()
	if now.Sub(last.at) < sayRefusals {
		return 0
	}
	n := last.since
	last.at, last.since = now, 0
	return n
}
