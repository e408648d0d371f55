package service

import (
	"context"
	"iter"
	"time"
)

// Every yields once in each period, the first time at the end of one, until ctx ends.
func Every(ctx context.Context, period time.Duration) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if !yield(struct{}{}) {
				return
			}
		}
	}
}
