package database

import (
	"context"
	"sync"
)

// maxGathered bounds how many items one transaction of a Gatherer takes.
const maxGathered = 256

// gatherers is how many transactions of one Gatherer run at once on a server.
// More would only make each of them smaller.
const gatherers = 4

// Gatherer hands what many callers bring at the same time to one function, in
// one transaction, so that it can use one statement for many rows. There is no
// timer: a lone caller's item is written at once, and what arrives while
// earlier items wait for their turn goes along with them. It is safe for
// concurrent use.
type Gatherer[T any] struct {
	// Urgent items go before the work of ordinary writers. It is set before the first Write.
	Urgent bool

	db    *DB
	write func(ctx context.Context, tx Tx, items []T) error
	slots chan struct{}

	mu   sync.Mutex
	open *load[T] // takes items; nil: the next caller begins one
}

// load is what one transaction writes.
type load[T any] struct {
	items []T
	errs  []error // one for each item, nil when all are fine
	done  chan struct{}
}

// NewGatherer returns a Gatherer for write, which must touch nothing but tx and
// what belongs to its items, since it may run twice: see [DB.Write].
func NewGatherer[T any](db *DB, write func(ctx context.Context, tx Tx, items []T) error) *Gatherer[T] {
	return &Gatherer[T]{db: db, write: write, slots: make(chan struct{}, gatherers)}
}

// Write returns after the commit that holds item, or with the error that item
// itself met: neighbours of one that cannot be written are written without it.
// Once an item is taken it is written even if its caller goes away.
func (g *Gatherer[T]) Write(ctx context.Context, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l, n := g.join(item)
	if n == 0 {
		// Others rely on this load, whatever becomes of the one who began it.
		g.flush(context.WithoutCancel(ctx), l)
		close(l.done)
	}
	select {
	case <-l.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.errs == nil {
		return nil
	}
	return l.errs[n]
}

// Waiting returns how many items wait for a transaction to begin.
func (g *Gatherer[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		return 0
	}
	return len(g.open.items)
}

// join adds item to the open load and returns its place there. Who is the
// first has to flush it.
func (g *Gatherer[T]) join(item T) (*load[T], int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = &load[T]{done: make(chan struct{})}
	}
	l := g.open
	l.items = append(l.items, item)
	if len(l.items) == maxGathered {
		g.open = nil
	}
	return l, len(l.items) - 1
}

// close makes sure that nothing is added to l any more.
func (g *Gatherer[T]) close(l *load[T]) []T {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == l {
		g.open = nil
	}
	return l.items
}

// flush writes a load, which takes items until its transaction begins.
func (g *Gatherer[T]) flush(ctx context.Context, l *load[T]) {
	g.slots <- struct{}{}
	defer func() { <-g.slots }()
	err := g.db.doWrite(ctx, g.Urgent, func(ctx context.Context, tx Tx) error { return g.write(ctx, tx, g.close(l)) })
	if err == nil {
		return
	}
	items := g.close(l) // the transaction may not even have begun
	l.errs = make([]error, len(items))
	for i := range items {
		if l.errs[i] = err; len(items) > 1 {
			l.errs[i] = g.db.doWrite(ctx, g.Urgent, func(ctx context.Context, tx Tx) error { return g.write(ctx, tx, items[i:i+1]) })
		}
	}
}
