package app

import (
	"context"
	"time"
)

// verdictFor is for how long an answer is good enough.
const verdictFor = time.Second

// verdict keeps the answer to a question that costs a write, since anybody may
// ask it as often as they like.
type verdict struct {
	turn chan struct{} // holds one while somebody finds out
	at   time.Time
	err  error
}

func newVerdict() *verdict { return &verdict{turn: make(chan struct{}, 1)} }

// ask returns the last answer, or that of a call of find when it is too old.
func (v *verdict) ask(ctx context.Context, find func() error) error {
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if v.at.IsZero() || time.Since(v.at) >= verdictFor {
		v.err, v.at = find(), time.Now()
	}
	return v.err
}
