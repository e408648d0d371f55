package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/platforms"
)

// Store keeps events durably.
type Store interface {
	// Accept stores the events before it returns, one result for each, in
	// order. failure.Invalid: they can never be stored; any other error: not now.
	Accept(ctx context.Context, events []platforms.Event) ([]inbox.Accepted, error)
}

// Options are what a door needs.
type Options struct {
	Store   Store
	Backlog int64 // bytes of memory for what waits to be stored; 0: 64 MiB
	Metrics *metrics.Metrics
	Logger  *slog.Logger     // nil: none
	Now     func() time.Time // nil: time.Now
}

// Delivery is what came in at once: a webhook, or a frame of a socket. It is
// known to be genuine.
type Delivery struct {
	Source  string    // the platform, or the source of a program
	Size    int64     // bytes of its body
	Arrived time.Time // for the time that its acknowledgement takes
	Events  []platforms.Event
	// OwnIDs says that a program chose the ids of the events: one that another
	// message has already is refused. What a platform repeats is a repeat.
	OwnIDs bool
}

// errReused keeps a program from being given the reply to another message.
var errReused = failure.New(failure.Conflict, "id_reused",
	"this id already belongs to another message with a different sender, chat, thread or text; use a new id for each message", nil)

// Door takes what platforms deliver. Make one with [New].
type Door struct {
	o        Options
	backlog  *backlog
	refusals *refusals

	mu     sync.Mutex
	series map[string]*series // by source
}

// New returns a door. Sources are those whose figures are shown from the start.
func New(o Options, sources ...string) (*Door, error) {
	if o.Store == nil || o.Metrics == nil {
		return nil, errors.New("intake: a store and metrics are needed")
	}
	if o.Backlog <= 0 {
		o.Backlog = 64 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Door{
		o: o, backlog: newBacklog(o.Backlog), series: map[string]*series{},
		refusals: &refusals{count: o.Metrics.WebhooksRefused, log: o.Logger, now: o.Now, said: map[refusal]*refused{}},
	}
	for _, source := range sources {
		d.of(source)
	}
	return d, nil
}

// Take stores a delivery, one result for each event, in order. Its errors are
// of a kind that tells the sender what to do: failure.Invalid, TooLarge and
// Conflict never to send it again, Unavailable to send it again.
func (d *Door) Take(ctx context.Context, in Delivery) ([]inbox.Accepted, error) {
	series := d.of(in.Source)
	if len(in.Events) == 0 {
		series.ignored.Inc()
		return nil, nil
	}
	accepted, err := d.store(ctx, in)
	if err != nil {
		d.Refuse(ctx, in.Source, err)
		return nil, err
	}
	series.ack.Observe(d.o.Now().Sub(in.Arrived).Seconds())
	series.outcome(in.Events, accepted).Inc()
	return accepted, nil
}

func (d *Door) store(ctx context.Context, in Delivery) ([]inbox.Accepted, error) {
	leave, err := d.backlog.enter(in.Source, in.Size)
	if err != nil {
		return nil, err
	}
	defer leave()
	accepted, err := d.o.Store.Accept(ctx, in.Events)
	switch {
	case err != nil:
		return nil, notStored(err)
	case in.OwnIDs && accepted[0].Differs:
		return nil, errReused
	default:
		return accepted, nil
	}
}

// notStored makes sure that what is not stored is sent again, unless it is the
// sender's own fault.
func notStored(err error) error {
	switch failure.KindOf(err) {
	case failure.Invalid, failure.TooLarge, failure.Unavailable:
		return err
	default:
		return failure.New(failure.Unavailable, "not_stored", "the event could not be stored; send it again", err)
	}
}

// Refuse counts and logs what was not taken. [Door.Take] does so itself; this
// is for what was not genuine or could not be read.
func (d *Door) Refuse(ctx context.Context, source string, err error) {
	switch failure.KindOf(err) {
	case failure.Invalid, failure.Unauthorized, failure.TooLarge, failure.NotFound, failure.Conflict:
		d.of(source).rejected.Inc()
	default:
		d.of(source).failed.Inc()
	}
	d.refusals.note(ctx, source, err)
}

// series are the metrics of one source, looked up once.
type series struct {
	accepted, duplicate, ignored, rejected, failed prometheus.Counter
	ack                                            prometheus.Observer
}

func (d *Door) of(source string) *series {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.series[source]; s != nil {
		return s
	}
	outcome := func(name string) prometheus.Counter { return d.o.Metrics.Webhooks.WithLabelValues(source, name) }
	s := &series{
		accepted: outcome("accepted"), duplicate: outcome("duplicate"), ignored: outcome("ignored"),
		rejected: outcome("rejected"), failed: outcome("failed"),
		ack: d.o.Metrics.AckSeconds.WithLabelValues(source),
	}
	d.series[source] = s
	return s
}

// outcome returns the counter for a stored delivery: the best that can be said
// of any of its events.
func (s *series) outcome(events []platforms.Event, accepted []inbox.Accepted) prometheus.Counter {
	ignored := true
	for i := range events {
		ignored = ignored && events[i].Ignore != ""
	}
	fresh := false
	for i := range accepted {
		fresh = fresh || !accepted[i].Duplicate
	}
	switch {
	case !fresh:
		return s.duplicate
	case ignored:
		return s.ignored
	default:
		return s.accepted
	}
}
