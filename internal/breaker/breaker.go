package breaker

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// ErrOpen marks the error of a call that was not made because its endpoint's
// circuit is open.
var ErrOpen = errors.New("the circuit is open")

// Code is the code of such an error, for programs.
const Code = "endpoint_paused"

// Breaker is the circuit of one endpoint. It is safe for concurrent use. A nil
// Breaker makes every call.
type Breaker struct {
	name     string
	now      func() time.Time
	onChange func(endpoint string, s State)

	mu      sync.Mutex
	circuit circuit
	until   time.Time // the endpoint asked to be left alone until then
}

// Do makes the call, unless the circuit is open: then the error is of kind
// failure.Retry, wraps ErrOpen and says when to come back. Otherwise it is the
// call's own. Its kind says what it means for the circuit: Retry and Ambiguous
// are faults of the endpoint, nil, Permanent and Invalid are answers, and any
// other tells nothing about it (a cancelled call, the database).
func (b *Breaker) Do(call func() error) error { return b.DoFor("", call) }

// DoFor is Do for a call on somebody's behalf. The faults that one person meets
// count as one: it may be their message, or their chat, that no endpoint can answer, and nobody
// else is to wait for that. "" is nobody in particular.
func (b *Breaker) DoFor(who string, call func() error) error {
	if b == nil {
		return call()
	}
	trial, err := b.enter()
	if err != nil {
		return err
	}
	outcome := unknown
	var wait time.Duration
	defer func() { b.leave(trial, who, outcome, wait) }() // also when the call panics
	err = call()
	outcome, wait = judge(err)
	return err
}

// Ask is DoFor for a call that only reads: its success does not prove that the
// endpoint does its work, and it is no trial.
func (b *Breaker) Ask(who string, call func() error) error {
	if b == nil {
		return call()
	}
	b.mu.Lock()
	left := b.left(b.now())
	b.mu.Unlock()
	if left > 0 {
		return b.refuse(left)
	}
	err := call()
	outcome, wait := judge(err)
	if outcome != bad {
		outcome = unknown
	}
	b.leave(false, who, outcome, wait)
	return err
}

// Alive tells, while a call is under way, that the endpoint does its work: a
// trial that takes long keeps nobody else waiting.
func (b *Breaker) Alive() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.tell(b.circuit.state)
	defer b.mu.Unlock()
	if b.circuit.state == HalfOpen {
		b.circuit.good()
	}
}

func (b *Breaker) enter() (trial bool, err error) {
	b.mu.Lock()
	defer b.tell(b.circuit.state) // after the lock is given back
	defer b.mu.Unlock()
	if left := b.left(b.now()); left > 0 {
		return false, b.refuse(left)
	}
	return b.circuit.enter(), nil
}

// left returns for how long nobody may call.
func (b *Breaker) left(now time.Time) time.Duration {
	return max(b.until.Sub(now), b.circuit.left(now))
}

// refuse spreads those who wait, so that they do not all come back at once.
func (b *Breaker) refuse(left time.Duration) error {
	wait := left + rand.N(min(left, maxOpen)/4+1)
	return failure.RetryAfter(wait, Code, "requests to "+b.name+" are paused (circuit open)", ErrOpen)
}

// tell reports a change since the state was as given.
func (b *Breaker) tell(before State) {
	if b.onChange == nil {
		return
	}
	b.mu.Lock()
	now := b.circuit.state
	b.mu.Unlock()
	if now != before {
		b.onChange(b.name, now)
	}
}

type outcome uint8

const (
	unknown outcome = iota
	good
	bad
	asked // to be left alone
)

// judge says what a call's error means for the endpoint, and how long the
// endpoint asked to be left alone.
func judge(err error) (outcome, time.Duration) {
	if err == nil {
		return good, 0
	}
	switch failure.KindOf(err) {
	case failure.Retry, failure.Ambiguous:
		if failure.ScopeOf(err) != "" { // it answers; the limit is of one chat or the like
			return asked, 0
		}
		if wait := failure.WaitOf(err); wait > 0 {
			return asked, wait
		}
		return bad, 0
	case failure.Permanent, failure.Invalid:
		return good, 0
	default:
		return unknown, 0
	}
}

func (b *Breaker) leave(trial bool, who string, o outcome, wait time.Duration) {
	b.mu.Lock()
	defer b.tell(b.circuit.state)
	defer b.mu.Unlock()
	trial = trial && b.circuit.state == HalfOpen // else it was decided while the call went on
	now := b.now()
	if until := now.Add(wait); until.After(b.until) {
		b.until = until
	}
	switch {
	case o == good, o == asked: // it answers
		b.circuit.good()
	case o == bad, trial: // a trial that tells nothing is repeated later
		b.circuit.bad(trial, who, now)
	}
}

func (b *Breaker) state() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.After(b.now()) {
		return Open
	}
	return b.circuit.state
}
