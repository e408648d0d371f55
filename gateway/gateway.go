package gateway

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/signs"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/internal/service"
	"github.com/parley-bot/parley/platforms"
)

// Timings of the dispatcher.
const (
	// pollEvery is how often the database is asked for work that nobody in
	// this process announced: failed work whose wait is over, work of other
	// replicas, replays.
	pollEvery = 250 * time.Millisecond
	// waitPoll is how often a waiting client's event is looked up in case
	// another replica answers it.
	waitPoll = 500 * time.Millisecond
	// heartbeats is how often a lease is extended while it would last: often
	// enough that there is always time for a send.
	heartbeats = 6
)

// Options are what a gateway works with.
type Options struct {
	Inbox   *inbox.Inbox
	Outbox  *outbox.Outbox
	Workers int           // turns at once
	Grace   time.Duration // for running turns at a stop
	Metrics *metrics.Metrics
	// Signs show in chats that a reply is being made; nil: nothing shows it.
	Signs *signs.Signs
	// Circuits are those of the endpoints that turns call; nil: none.
	Circuits *breaker.Set
	// Begin is closed when turns may begin; nil: at once.
	Begin <-chan struct{}
	// Voice speaks to who wrote an event; nil: in English.
	Voice  func(ctx context.Context, e *platforms.Event) sentences.Voice
	Logger *slog.Logger
}

// Runner runs turns.
type Runner interface {
	// Run runs one turn to its end.
	Run(ctx context.Context, w *inbox.Work)
	// Arrived is called after events were accepted by this process. It must
	// not block.
	Arrived(events []platforms.Event)
	// Asking returns the events for which a model is being asked.
	Asking() []int64
	// CallOff ends the call for one of them.
	CallOff(event int64, why inbox.Signal)
}

// Gateway accepts events and has them answered. It is safe for concurrent use.
type Gateway struct {
	o        Options
	hub      *hub
	shedder  shedder
	wake     chan struct{} // there may be work
	overflow chan struct{} // other replicas are to be told of work

	runner atomic.Pointer[Runner] // once started

	mu     sync.Mutex
	leases map[*inbox.Lease]struct{}

	counts counts

	task  service.Task
	quit  chan struct{} // closed: claim nothing more
	turns sync.WaitGroup
}

// New returns a gateway that accepts events; they are answered once it is started.
func New(o Options) *Gateway {
	if o.Voice == nil {
		o.Voice = func(context.Context, *platforms.Event) sentences.Voice { return sentences.Voice{} }
	}
	g := &Gateway{
		o: o, hub: newHub(), wake: make(chan struct{}, 1), overflow: make(chan struct{}, 1),
		leases: map[*inbox.Lease]struct{}{}, quit: make(chan struct{}),
	}
	o.Outbox.OnDue(g.poke)
	return g
}

// Accept stores events durably and returns once they are.
func (g *Gateway) Accept(ctx context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
	g.shedder.arrive()
	accepted, err := g.o.Inbox.Accept(ctx, events)
	g.shedder.leave()
	if err == nil {
		g.poke()
		g.share()
		if r := g.runner.Load(); r != nil {
			(*r).Arrived(events)
			for i := range accepted {
				(*r).CallOff(accepted[i].CallsOff, accepted[i].Signal)
			}
		}
	}
	return accepted, err
}

func (g *Gateway) poke() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Start begins to answer what waits. It may be called twice; after Stop it does nothing.
func (g *Gateway) Start(ctx context.Context, r Runner) {
	g.runner.Store(&r)
	g.task.Start(ctx, func(ctx context.Context) { g.serve(ctx, r) })
}

// serve answers until ctx ends and what is running has been finished or handed back.
func (g *Gateway) serve(ctx context.Context, r Runner) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var loops, claims sync.WaitGroup
	claims.Go(func() { g.dispatch(work, r) })
	loops.Go(func() { g.heartbeat(work) })
	loops.Go(func() { g.call(work) })
	loops.Go(func() { g.listen(work) })
	loops.Go(func() { g.measure(work) })
	loops.Go(func() { g.callOff(work, r) })
	if g.o.Signs != nil {
		loops.Go(func() { g.o.Signs.Run(work) })
	}
	<-ctx.Done()
	close(g.quit)
	g.finish(cancel, &claims)
	loops.Wait()
}

// finish waits for running turns within the grace, then has them handed back.
func (g *Gateway) finish(cancel context.CancelFunc, claims *sync.WaitGroup) {
	defer cancel()
	ended := make(chan struct{})
	go func() {
		claims.Wait() // no turn begins after this
		g.turns.Wait()
		close(ended)
	}()
	grace := time.NewTimer(g.o.Grace)
	defer grace.Stop()
	select {
	case <-ended:
		return
	case <-grace.C:
	}
	cancel()
	<-ended
}

// Stop claims nothing more, lets running turns finish or hand back their work
// within the grace, and returns when all is quiet. It may be called twice, and
// before Start.
func (g *Gateway) Stop() { g.task.Stop() }

// dispatch claims lanes as long as there are free workers.
func (g *Gateway) dispatch(ctx context.Context, r Runner) {
	free := make(chan struct{}, g.o.Workers)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	q := newQuarantine(g.o.Workers)
	for g.mayBegin() && g.giveWay() {
		g.runQuarantined(ctx, r, free, &q)
		n := g.o.Workers - len(free)
		if n > 0 && n == g.claim(ctx, r, inbox.Normal, n, free) { // there may be more
			continue
		}
		if !g.runAlone(ctx, r, free, &q) && !g.rest(ctx, poll.C, &q) {
			return
		}
	}
}

// mayBegin waits until turns may begin, and reports false when there will be none.
func (g *Gateway) mayBegin() bool {
	if g.o.Begin == nil {
		return true
	}
	select {
	case <-g.quit:
		return false
	case <-g.o.Begin:
		return true
	}
}

// rest waits until there may be work, and reports false when there never will be.
func (g *Gateway) rest(ctx context.Context, poll <-chan time.Time, q *quarantine) bool {
	for {
		select {
		case <-g.quit:
			return false
		case <-g.wake:
			return true
		case <-poll:
		}
		if g.look(ctx, q) {
			return true
		}
	}
}

// claim takes up to n lanes of an isolation and runs a turn for each, which
// takes a place in each of some places until it ends.
func (g *Gateway) claim(ctx context.Context, r Runner, as inbox.Isolation, n int, places ...chan struct{}) int {
	select {
	case <-g.quit:
		return 0
	default:
	}
	works, err := g.o.Inbox.ClaimAs(ctx, as, n)
	if err != nil {
		g.databaseFailed(ctx, "claim work", err)
		return 0
	}
	for i := range works {
		g.launch(ctx, r, &works[i], places)
	}
	return len(works)
}

// launch runs a turn beside others.
func (g *Gateway) launch(ctx context.Context, r Runner, w *inbox.Work, places []chan struct{}) {
	g.warn(ctx, w)
	g.hold(w.Lease)
	for _, p := range places {
		p <- struct{}{}
	}
	g.turns.Go(func() {
		defer g.poke()
		defer func() {
			for _, p := range places {
				<-p
			}
		}()
		defer g.letGo(w.Lease)
		g.run(ctx, r, w)
	})
}

// run runs a turn and survives its panic: the lease ends and the work is taken
// up again.
func (g *Gateway) run(ctx context.Context, r Runner, w *inbox.Work) {
	g.o.Metrics.Turns.Inc()
	defer g.o.Metrics.Turns.Dec()
	defer func() {
		if p := recover(); p != nil {
			g.o.Logger.ErrorContext(ctx, "a turn panicked", slog.Any("panic", p), slog.Int64("event", w.Events[0].ID))
		}
	}()
	if first := &w.Events[0]; g.o.Signs != nil && first.Event.Kind != platforms.KindCommand {
		defer g.o.Signs.Begin(ctx, first.ID, &first.Event, first.IsFirst())()
	}
	r.Run(ctx, w)
}

func (g *Gateway) hold(l *inbox.Lease) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leases[l] = struct{}{}
}

func (g *Gateway) letGo(l *inbox.Lease) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.leases, l)
}

func (g *Gateway) held() []*inbox.Lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]*inbox.Lease, 0, len(g.leases))
	for l := range g.leases {
		list = append(list, l)
	}
	return list
}

// heartbeat keeps the leases of running turns alive until they are all done.
func (g *Gateway) heartbeat(ctx context.Context) {
	for range service.Every(ctx, g.o.Inbox.LeaseTime()/heartbeats) {
		if err := g.o.Inbox.Extend(ctx, g.held()); err != nil && ctx.Err() == nil {
			g.databaseFailed(ctx, "extend leases", err)
		}
	}
}

// callOff ends the calls for events that other replicas have heard to be called off.
func (g *Gateway) callOff(ctx context.Context, r Runner) {
	for range service.Every(ctx, waitPoll) {
		off, err := g.o.Inbox.CalledOff(ctx, r.Asking())
		if err != nil && ctx.Err() == nil {
			g.databaseFailed(ctx, "look for what was called off", err)
		}
		for id, why := range off {
			r.CallOff(id, why)
		}
	}
}

func (g *Gateway) databaseFailed(ctx context.Context, what string, err error) {
	g.o.Metrics.DatabaseFails.Inc()
	g.o.Logger.ErrorContext(ctx, "database operation failed", slog.String("operation", what), slog.Any("error", err))
}
