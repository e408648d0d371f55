package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/platforms"
)

// wire is a connection to a platform, on which the test delivers.
type wire struct {
	mu      sync.Mutex
	is      platforms.Connection
	deliver func(context.Context, platforms.Inbound) error
	running chan struct{} // closed when it delivers
	ends    error         // what Run returns; nil: when ctx ends
}

func (w *wire) Run(ctx context.Context, deliver func(context.Context, platforms.Inbound) error) error {
	w.deliver = deliver
	close(w.running)
	if w.ends != nil {
		return w.ends
	}
	<-ctx.Done()
	return nil
}

func (w *wire) Connection() platforms.Connection {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.is
}

func (w *wire) Probe(context.Context) error { return nil }

func (w *wire) become(c platforms.Connection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.is = c
}

// shelf keeps what is accepted, unless it has an error.
type shelf struct {
	events []platforms.Event
	err    error
}

func (s *shelf) Accept(_ context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.events = append(s.events, events...)
	return make([]inbox.Accepted, len(events)), nil
}

func listening(t *testing.T, store intake.Store, wires map[string]*wire) *listeners {
	t.Helper()
	door, err := intake.New(intake.Options{Store: store, Metrics: metrics.New()})
	if err != nil {
		t.Fatal(err)
	}
	l := &listeners{
		door: door, log: quiet(), settled: make(chan struct{}),
		late: func(context.Context, *platforms.Inbound, []inbox.Accepted) {},
	}
	for name, w := range wires {
		w.running = make(chan struct{})
		l.apps = append(l.apps, chatApp{name: name, source: w, mode: "socket"})
	}
	l.start(t.Context())
	t.Cleanup(func() { l.task.Stop() })
	for _, w := range wires {
		<-w.running
	}
	return l
}

// What is stored is acknowledged, and so is what would fail again the next time;
// the rest comes again.
func TestWhatIsAcknowledged(t *testing.T) {
	t.Parallel()
	event := platforms.Event{Platform: "slack.two", ID: "e1"}
	for _, tt := range []struct {
		name   string
		in     platforms.Inbound
		store  error
		again  bool
		stored int
	}{
		{"an event", platforms.Inbound{Events: []platforms.Event{event}}, nil, false, 1},
		{"nothing to be stored", platforms.Inbound{}, nil, false, 0},
		{"not understood", platforms.Inbound{Events: []platforms.Event{event}, Fault: errors.New("garbage")}, nil, false, 0},
		{"never to be stored", platforms.Inbound{Events: []platforms.Event{event}}, failure.New(failure.Invalid, "invalid_event", "", nil), false, 0},
		{"too large", platforms.Inbound{Events: []platforms.Event{event}}, failure.New(failure.TooLarge, "too_large", "", nil), false, 0},
		{"no room", platforms.Inbound{Events: []platforms.Event{event}}, failure.New(failure.Unavailable, "too_busy", "", nil), true, 0},
		{"no database", platforms.Inbound{Events: []platforms.Event{event}}, errors.New("disk full"), true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store, w := &shelf{err: tt.store}, &wire{}
			listening(t, store, map[string]*wire{"slack.two": w})
			if err := w.deliver(t.Context(), tt.in); err != nil != tt.again {
				t.Errorf("%v", err)
			}
			if len(store.events) != tt.stored {
				t.Errorf("%d events are stored", len(store.events))
			}
		})
	}
}

// Operators see of each app by which name and in which mode it is connected, and why it is not.
func TestConnectionsAreShown(t *testing.T) {
	t.Parallel()
	w := &wire{is: platforms.Connection{State: platforms.Failed, Open: 1, Error: "the token is revoked"}, ends: errors.New("revoked")}
	l := listening(t, &shelf{}, map[string]*wire{"slack.two": w})
	all := l.connections()
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	if c := all[0]; c.Platform != "slack.two" || c.App != "two" || c.Mode != "socket" || c.State != "failed" || c.Open != 1 || c.Error != "the token is revoked" {
		t.Errorf("%+v", c)
	}
	if none := listening(t, &shelf{}, nil).connections(); none == nil || len(none) != 0 {
		t.Errorf("%v is no empty list in JSON", none)
	}
}

// Answers begin when what had waited at every connection is stored, and after two
// seconds at the latest.
func TestAnswersWaitForTheConnections(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		wires  int
		settle time.Duration // when the last one has settled; 0 = never
		want   time.Duration
	}{
		{"no connections", 0, 0, 0},
		{"one", 1, 300 * time.Millisecond, 300 * time.Millisecond},
		{"two", 2, time.Second, time.Second},
		{"one that never does", 1, 0, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun, wires := time.Now(), map[string]*wire{}
				for _, name := range []string{"slack", "feishu"}[:tt.wires] {
					w := &wire{}
					wires[name] = w
					if tt.settle > 0 {
						time.AfterFunc(tt.settle/time.Duration(len(wires)), func() { w.become(platforms.Connection{Settled: true}) })
					}
				}
				l := listening(t, &shelf{}, wires)
				<-l.settled
				if waited := time.Since(begun); waited < tt.want || waited > tt.want+settleLook {
					t.Errorf("they begin after %v, want %v", waited, tt.want)
				}
			})
		})
	}
}
