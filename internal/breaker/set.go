package breaker

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// State is where a circuit stands.
type State string

// The states of a circuit.
const (
	Closed   State = "closed"    // calls are made
	HalfOpen State = "half_open" // one call is let through
	Open     State = "open"      // no calls are made
)

// Level is the state as a number for a gauge: 0 closed, 1 half open, 2 open.
func (s State) Level() float64 {
	switch s {
	case Open:
		return 2
	case HalfOpen:
		return 1
	case Closed:
	}
	return 0
}

// Options say when circuits open. Zero values mean the default.
type Options struct {
	Failures uint             // faults in a row that open a circuit; default 5
	Open     time.Duration    // how long it stays open at first; default 10 s
	Now      func() time.Time // default time.Now
	// OnChange, which may be nil, hears of each change of state by faults. It
	// must not call back.
	OnChange func(endpoint string, s State)
}

// Set holds one circuit for each endpoint. It is safe for concurrent use. A
// nil Set has no circuits: every call is made.
type Set struct {
	o  Options
	mu sync.Mutex
	by map[string]*Breaker
}

// NewSet returns a set in which every circuit is closed.
func NewSet(o Options) *Set {
	o.Failures = cmp.Or(o.Failures, 5)
	o.Open = cmp.Or(o.Open, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Set{o: o, by: map[string]*Breaker{}}
}

// Get returns the circuit of an endpoint, made at the first call.
func (s *Set) Get(endpoint string) *Breaker {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.by[endpoint]
	if b == nil {
		b = &Breaker{
			name: endpoint, now: s.o.Now, onChange: s.o.OnChange,
			circuit: circuit{limit: s.o.Failures, first: s.o.Open, state: Closed},
		}
		s.by[endpoint] = b
	}
	return b
}

// States returns the state of every circuit that was asked for so far.
func (s *Set) States() map[string]State {
	states := map[string]State{}
	if s == nil {
		return states
	}
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.by))
	s.mu.Unlock()
	for _, b := range all {
		states[b.name] = b.state()
	}
	return states
}
