package database

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// pipelines is how many connections a [pipeline] uses at most, and maxPiped how
// many rows go over one of them at once.
const (
	pipelines = 4
	maxPiped  = 256
)

// pipeline inserts single rows into PostgreSQL. What several callers bring at
// the same moment goes there in one round trip and is one commit. There is no
// timer: a lone row is sent at once.
type pipeline struct {
	db      *bun.DB
	pooled  bool // see pooler.go
	waiting chan *piped
	closed  <-chan struct{}
	workers sync.WaitGroup
}

// piped is a row on its way.
type piped struct {
	lock  []byte
	query string
	args  []any
	id    int64
	done  chan error // holds one
}

// errNeighbour says that the commit was rolled back because of one of its rows.
var errNeighbour = errors.New("one of several rows was refused")

func newPipeline(db *bun.DB, pooled bool, closed <-chan struct{}) *pipeline {
	p := &pipeline{db: db, pooled: pooled, waiting: make(chan *piped), closed: closed}
	for range pipelines {
		p.workers.Go(p.serve) // close waits for them
	}
	return p
}

// InsertUrgent is [DB.Insert] of one row in a commit of its own, or one that it
// shares with others, for PostgreSQL and whoever waits for seconds only. The
// statement may hold one row that others want too; lock tells which.
func (db *DB) InsertUrgent(ctx context.Context, lock []byte, query string, args ...any) (int64, error) {
	if err := db.admits(ctx); err != nil {
		return 0, err
	}
	query, args = db.bind(query+" RETURNING id", args)
	row := &piped{lock: lock, query: query, args: args, done: make(chan error, 1)}
	select {
	case db.piped.waiting <- row:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-db.closed:
		return 0, ErrClosed
	}
	err := <-row.done
	if errors.Is(err, errNeighbour) {
		err = again(ctx, func() error { return row.scan(db.write.DB.QueryRowContext(ctx, query, args...)) })
	}
	return row.id, explain(ctx, err)
}

// scan reads the row's id, 0 where none was added.
func (r *piped) scan(from interface{ Scan(dest ...any) error }) error {
	r.id = 0 // it may have been added to a commit that was rolled back
	if err := from.Scan(&r.id); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return nil
}

// serve sends what waits until the database is closed.
func (p *pipeline) serve() {
	for {
		select {
		case row := <-p.waiting:
			batch := p.collect(row)
			err := p.send(batch)
			for _, row := range batch {
				row.done <- err
			}
		case <-p.closed:
			return
		}
	}
}

// collect returns the first row and those that wait with it, in the one order
// in which rows are locked everywhere. Whoever is about to hand in one goes first,
// as in [committer.take].
func (p *pipeline) collect(first *piped) []*piped {
	runtime.Gosched()
	batch := []*piped{first}
	for len(batch) < maxPiped {
		select {
		case row := <-p.waiting:
			batch = append(batch, row)
			continue
		default:
		}
		break
	}
	slices.SortStableFunc(batch, func(a, b *piped) int { return bytes.Compare(a.lock, b.lock) })
	return batch
}

// send inserts the rows in one commit. Its limits are those of the connection,
// since several callers wait for it.
func (p *pipeline) send(batch []*piped) error {
	ctx := context.Background()
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver's %T is not PostgreSQL's", driver)
		}
		var all pgx.Batch
		if p.pooled {
			all.Queue(limits)
		}
		for _, row := range batch {
			all.Queue(row.query, row.args...)
		}
		results := pg.Conn().SendBatch(ctx, &all)
		var failed error
		if p.pooled {
			_, failed = results.Exec()
		}
		for _, row := range batch {
			failed = cmp.Or(failed, row.scan(results.QueryRow()))
		}
		return cmp.Or(failed, results.Close())
	})
	var refused *pgconn.PgError
	if len(batch) > 1 && errors.As(err, &refused) {
		return errNeighbour
	}
	return err
}
