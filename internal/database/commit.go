package database

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// maxBatch bounds how many callers share one commit, and besideUrgent how many
// of them are ordinary when somebody urgent is among them: who waits for an
// answer to a webhook must not wait for the work of many turns.
const (
	maxBatch     = 256
	besideUrgent = 2
)

// committer lets concurrent callers on one connection share commits, without a
// timer: who finds nobody leading commits at once by itself, and a goroutine
// commits what has queued up meanwhile, all together, until nobody waits.
type committer struct {
	db *bun.DB

	mu     sync.Mutex
	urgent []*job
	queue  []*job     // what is not urgent
	led    bool       // somebody commits
	idle   *sync.Cond // signalled when led becomes false
}

// A job is waiting until a leader takes it or its caller abandons it.
const (
	waiting int32 = iota
	taken
	abandoned
)

type job struct {
	ctx   context.Context //nolint:containedctx // its values follow the work into the batch
	fn    func(context.Context, Tx) error
	state atomic.Int32
	wake  chan struct{} // closed when err is set
	err   error
}

func newCommitter(db *bun.DB) *committer {
	c := &committer{db: db}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// do returns after the commit that holds fn's work, or with fn's error.
func (c *committer) do(ctx context.Context, urgent bool, fn func(context.Context, Tx) error) error {
	j := &job{ctx: ctx, fn: fn, wake: make(chan struct{})}
	if !c.enqueue(j, urgent) {
		return j.wait()
	}
	runtime.Gosched()
	batch := c.take()
	c.run(batch)
	if c.more() {
		go c.drain() // close waits for it
	}
	wake(batch, j)
	return j.err
}

// wake tells everybody in the batch but the one who knows.
func wake(batch []*job, but *job) {
	for _, j := range batch {
		if j != but {
			close(j.wake)
		}
	}
}

// more reports whether somebody waits; if not, nobody leads any more.
func (c *committer) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.urgent)+len(c.queue) > 0 {
		return true
	}
	c.led = false
	c.idle.Broadcast()
	return false
}

// drain commits batch after batch as long as callers come faster than commits
// end. Handing the lead from caller to caller instead would leave the disk
// idle while the next one waits for its turn on a processor.
func (c *committer) drain() {
	for {
		runtime.Gosched()
		batch := c.take()
		c.run(batch)
		wake(batch, nil)
		if !c.more() {
			return
		}
	}
}

// queued returns how many callers wait for a batch to take them.
func (c *committer) queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.urgent) + len(c.queue)
}

// enqueue adds j and reports whether its caller leads.
func (c *committer) enqueue(j *job, urgent bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if urgent {
		c.urgent = append(c.urgent, j)
	} else {
		c.queue = append(c.queue, j)
	}
	if c.led {
		return false
	}
	c.led = true
	j.state.Store(taken)
	return true
}

// wait returns when j is done or given up.
func (j *job) wait() error {
	select {
	case <-j.wake:
		return j.err
	case <-j.ctx.Done():
	}
	if j.state.CompareAndSwap(waiting, abandoned) {
		return j.ctx.Err()
	}
	<-j.wake // too late to leave: it is being written
	return j.err
}

// take removes the next batch from the queues, without those given up.
func (c *committer) take() []*job {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := takeFrom(&c.urgent, maxBatch, nil)
	limit := maxBatch
	if len(batch) > 0 {
		limit = min(maxBatch, len(batch)+besideUrgent)
	}
	return takeFrom(&c.queue, limit, batch)
}

// takeFrom moves jobs from a queue to the batch until that holds limit.
func takeFrom(queue *[]*job, limit int, batch []*job) []*job {
	n := 0
	for _, j := range *queue {
		if len(batch) == limit {
			break
		}
		n++
		if j.state.Load() == taken || j.state.CompareAndSwap(waiting, taken) {
			batch = append(batch, j)
		}
	}
	rest := copy(*queue, (*queue)[n:])
	clear((*queue)[rest:])
	*queue = (*queue)[:rest]
	return batch
}

// run commits a batch. When one function fails, the whole is rolled back and
// each runs alone, so that nobody pays for a neighbour's fault.
func (c *committer) run(batch []*job) {
	if len(batch) == 0 {
		return
	}
	if len(batch) == 1 {
		batch[0].err = c.commit(batch)
		return
	}
	err := c.commit(batch)
	if err == nil {
		return
	}
	if !errors.Is(err, errOneFailed) { // BEGIN or COMMIT itself: it is nobody's fault in particular
		for _, j := range batch {
			j.err = err
		}
		return
	}
	for _, j := range batch {
		j.err = c.commit([]*job{j})
	}
}

// errOneFailed marks a batch that was rolled back because of one function.
var errOneFailed = errors.New("one of several functions failed")

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

// close waits until nobody leads.
func (c *committer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.led {
		c.idle.Wait()
	}
}
