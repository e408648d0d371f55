package database

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/uptrace/bun"
)

// maxBatch bounds how many callers share one commit, and besideUrgent how many
// of them are ordinary when somebody urgent is among them: who waits for an
// answer to a webhook must not wait for the work of many turns.
const (
	maxBatch     = 256
	besideUrgent = 2
	// urgentCommits is how many commits of what is urgent run at once on MySQL.
	urgentCommits = 4
)

// committer lets concurrent callers share commits. A goroutine takes what waits,
// runs it in one transaction, answers, and takes what has come meanwhile. There
// is no timer, so a lone caller is written at once. On SQLite one goroutine owns
// the one connection that writes; on MySQL a few share what is urgent, and a
// commit that fails for one of several is left to its callers.
type committer struct {
	db      *bun.DB
	several bool           // there are other writers, which hold locks
	wake    chan struct{}  // holds one; something waits, or closed is set
	servers sync.WaitGroup // close waits for them

	mu     sync.Mutex
	urgent []*job
	queue  []*job // what is not urgent
	closed bool
}

type job struct {
	ctx  context.Context //nolint:containedctx // its values follow the work into the batch
	lock []byte          // the row that others want too
	fn   func(context.Context, Tx) error
	done chan error // holds one
}

func newCommitter(db *bun.DB, servers int) *committer {
	c := &committer{db: db, several: servers > 1, wake: make(chan struct{}, 1)}
	for range servers {
		c.servers.Go(c.serve)
	}
	return c
}

// do returns after the commit that holds fn's work, or with fn's error. Where
// there are several writers, errOneFailed asks the caller to write alone.
func (c *committer) do(ctx context.Context, urgent bool, lock []byte, fn func(context.Context, Tx) error) error {
	j := &job{ctx: ctx, lock: lock, fn: fn, done: make(chan error, 1)}
	if !c.add(j, urgent) {
		return ErrClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
	}
	if c.remove(j) {
		return ctx.Err()
	}
	return <-j.done // too late to leave: it is being written
}

func (c *committer) add(j *job, urgent bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if urgent {
		c.urgent = append(c.urgent, j)
	} else {
		c.queue = append(c.queue, j)
	}
	c.poke()
	return true
}

// poke wakes the goroutine, or lets it look once more before it sleeps.
func (c *committer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// remove takes back a job that waits, and reports whether it still did.
func (c *committer) remove(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := len(c.urgent) + len(c.queue)
	is := func(other *job) bool { return other == j }
	c.urgent, c.queue = slices.DeleteFunc(c.urgent, is), slices.DeleteFunc(c.queue, is)
	return len(c.urgent)+len(c.queue) < waiting
}

// serve commits batch after batch until the committer is closed and nobody waits.
func (c *committer) serve() {
	defer c.poke() // the next one ends too
	for range c.wake {
		batch, closed := c.take()
		for len(batch) > 0 {
			for i, err := range c.run(batch) {
				batch[i].done <- err
			}
			batch, closed = c.take()
		}
		if closed {
			return
		}
	}
}

// take removes the next batch from the queues. Whoever is about to hand in work
// goes first: the more share a commit, the fewer there are. Where nobody is, that
// takes no time.
func (c *committer) take() (batch []*job, closed bool) {
	runtime.Gosched()
	c.mu.Lock()
	defer c.mu.Unlock()
	batch = takeFrom(&c.urgent, maxBatch, nil)
	limit := maxBatch
	if len(batch) > 0 {
		limit = min(maxBatch, len(batch)+besideUrgent)
	}
	batch = takeFrom(&c.queue, limit, batch)
	if c.several { // in the one order in which rows are locked everywhere
		slices.SortStableFunc(batch, func(a, b *job) int { return bytes.Compare(a.lock, b.lock) })
	}
	return batch, c.closed
}

// takeFrom moves jobs from a queue to the batch until that holds limit.
func takeFrom(queue *[]*job, limit int, batch []*job) []*job {
	n := min(len(*queue), limit-len(batch))
	batch = append(batch, (*queue)[:n]...)
	*queue = slices.Delete(*queue, 0, n)
	return batch
}

// run commits a batch and returns what its callers are told. When one function
// fails, the whole is rolled back and each runs alone, so that nobody pays for
// a neighbour's fault.
func (c *committer) run(batch []*job) []error {
	errs := make([]error, len(batch))
	err := c.commit(batch)
	for i, j := range batch {
		if errs[i] = err; !c.several && errors.Is(err, errOneFailed) {
			errs[i] = c.commit([]*job{j})
		}
	}
	return errs
}

// errOneFailed marks a batch that was rolled back because of one function.
var errOneFailed = errors.New("one of several writes failed")

// commit runs the functions of a batch in one transaction. Of a batch of one
// it returns the function's own error.
func (c *committer) commit(batch []*job) error {
	tx, err := c.db.BeginTx(context.Background(), nil)
	if err != nil {
		return Explain(err)
	}
	for _, j := range batch {
		if err := j.run(tx); err != nil {
			_ = tx.Rollback() // SQLite may have rolled back by itself
			if len(batch) > 1 {
				return errOneFailed
			}
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		_ = tx.Rollback()
		return Explain(err)
	}
	return nil
}

// run calls the job's function unless its caller is gone. From here on the
// caller's cancellation counts no more: interrupting one statement would roll
// back everybody's work.
func (j *job) run(tx Tx) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	return call(context.WithValue(context.WithoutCancel(j.ctx), insideKey{}, true), tx, j.fn)
}

// close takes no more and returns when everybody who waited has been answered.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.poke()
	c.mu.Unlock()
	c.servers.Wait()
}
