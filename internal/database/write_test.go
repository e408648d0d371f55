package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

func insert(ctx context.Context, tx database.Tx, name string) error {
	_, err := tx.NewRaw("INSERT INTO job_runs (name, slot, started_at, status, result, error) VALUES (?, 1, 1, '', '', '')", name).Exec(ctx)
	return err
}

func count(t *testing.T, db *database.DB) int {
	t.Helper()
	n, err := db.Read().NewSelect().Table("job_runs").Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func TestWriteMixed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		broken := errors.New("broken")
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		var wg sync.WaitGroup
		errs := make([]error, 90)
		for i := range errs {
			wg.Go(func() {
				switch i % 3 {
				case 0:
					errs[i] = db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
						return insert(ctx, tx, fmt.Sprint("job", i))
					})
				case 1:
					errs[i] = db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
						if err := insert(ctx, tx, fmt.Sprint("job", i)); err != nil {
							return err
						}
						return broken
					})
				case 2:
					errs[i] = db.Write(cancelled, func(ctx context.Context, tx database.Tx) error {
						return insert(ctx, tx, fmt.Sprint("job", i))
					})
				}
			})
		}
		wg.Wait()
		want := []error{nil, broken, context.Canceled}
		for i, err := range errs {
			if !errors.Is(err, want[i%3]) {
				t.Errorf("caller %d: got %v, want %v", i, err, want[i%3])
			}
		}
		if n := count(t, db); n != 30 {
			t.Errorf("%d rows, want those 30 whose caller was told so", n)
		}
	})
}

// A caller that gives up while its work waits takes nobody along.
func TestWriteAbandonedWhileQueued(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	inside, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			close(inside)
			<-release
			return insert(ctx, tx, "leader")
		})
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		gone <- db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return insert(ctx, tx, "gone") })
	}()
	wg.Go(func() {
		if err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return insert(ctx, tx, "stays") }); err != nil {
			t.Error(err)
		}
	})
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	wg.Wait()
	if n := count(t, db); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

func TestWriteInsideWriteAndPanic(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		err := db.Write(t.Context(), func(ctx context.Context, _ database.Tx) error {
			return db.Write(ctx, func(context.Context, database.Tx) error { return nil })
		})
		if !errors.Is(err, database.ErrNested) {
			t.Errorf("got %v", err)
		}
		if err := db.Write(t.Context(), func(context.Context, database.Tx) error { panic("boom") }); err == nil {
			t.Error("a panic is no success")
		}
		if err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error { return insert(ctx, tx, "after") }); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			db := dbtest.New(b)
			var wg sync.WaitGroup
			b.ResetTimer()
			for c := range callers {
				wg.Go(func() {
					for i := c; i < b.N; i += callers {
						if err := db.Write(b.Context(), func(ctx context.Context, tx database.Tx) error {
							_, err := db.Exec(ctx, tx, "INSERT INTO job_runs (name, slot, started_at, status, result, error) VALUES (?, ?, 1, '', '', '')", "job", i)
							return err
						}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// A transaction of a replica that says nothing more is ended by the server, so
// that others get at its rows. (It takes the server ten seconds.)
func TestServerEndsASilentTransaction(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		if engine == database.SQLite {
			continue
		}
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, engine)
			frozen, other := dbtest.Open(t, url), dbtest.Open(t, url)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := other.Write(ctx, func(ctx context.Context, tx database.Tx) error { return insert(ctx, tx, "job") })
			if err != nil {
				t.Fatal(err)
			}
			const touch = "UPDATE job_runs SET status = 'x' WHERE name = 'job'"
			held, done, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- frozen.Write(ctx, func(ctx context.Context, tx database.Tx) error {
					_, err := tx.ExecContext(ctx, touch)
					close(held)
					<-done
					return err
				})
			}()
			<-held
			err = other.Write(ctx, func(ctx context.Context, tx database.Tx) error {
				_, err := tx.ExecContext(ctx, touch)
				return err
			})
			close(done)
			if late := <-ended; err != nil || late == nil {
				t.Errorf("the other one: %v; the silent one committed: %v", err, late == nil)
			}
		})
	}
}

// What is urgent is written before the ordinary work that came earlier.
func TestUrgentGoesFirst(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	write := func(how func(context.Context, func(context.Context, database.Tx) error) error, what string) {
		wg.Go(func() {
			err := how(t.Context(), func(context.Context, database.Tx) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, what)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	begun, leave := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		_ = db.Write(t.Context(), func(context.Context, database.Tx) error { close(begun); <-leave; return nil })
	})
	<-begun
	for range 50 {
		write(db.Write, "ordinary")
	}
	for db.Queued() < 50 {
		runtime.Gosched()
	}
	write(func(ctx context.Context, fn func(context.Context, database.Tx) error) error {
		return db.WriteUrgent(ctx, nil, fn)
	}, "urgent")
	for db.Queued() < 51 {
		runtime.Gosched()
	}
	close(leave)
	wg.Wait()
	if len(order) != 51 || order[0] != "urgent" {
		t.Errorf("%d written, %v first; want 51 and the urgent one", len(order), order[:1])
	}
}

// On MySQL what is urgent shares commits while others are under way, and who
// fails takes nobody along.
func TestUrgentSharesCommitsOnMySQL(t *testing.T) {
	t.Parallel()
	if !slices.Contains(dbtest.Engines(), database.MySQL) {
		t.Skip("PARLEY_TEST_MYSQL is not set")
	}
	db := dbtest.Open(t, dbtest.URL(t, database.MySQL))
	if _, err := db.Exec(t.Context(), db.Maintenance(), "CREATE TABLE shared (n BIGINT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	const rows, refused = 100, 13
	var (
		mu      sync.Mutex
		commits = map[*sql.Tx]int{}
		all     sync.WaitGroup
	)
	begun, leave := make(chan struct{}, 100), make(chan struct{})
	for range 4 { // as many as are under way at most
		all.Go(func() {
			_ = db.WriteUrgent(t.Context(), nil, func(context.Context, database.Tx) error { begun <- struct{}{}; <-leave; return nil })
		})
		<-begun
	}
	for n := range rows {
		all.Go(func() {
			err := db.WriteUrgent(t.Context(), []byte{byte(n)}, func(ctx context.Context, tx database.Tx) error {
				mu.Lock()
				commits[tx.Tx]++
				mu.Unlock()
				if n == refused {
					return context.Canceled
				}
				_, err := db.Exec(ctx, tx, "INSERT INTO shared (n) VALUES (?)", n)
				return err
			})
			if (err != nil) != (n == refused) {
				t.Errorf("row %d: %v", n, err)
			}
		})
	}
	for db.Queued() < rows {
		runtime.Gosched()
	}
	close(leave)
	all.Wait()
	stored, most := 0, 0
	if err := db.QueryRow(t.Context(), db.Read(), []any{&stored}, "SELECT COUNT(*) FROM shared"); err != nil || stored != rows-1 {
		t.Errorf("%d rows, %v", stored, err)
	}
	for _, n := range commits {
		most = max(most, n)
	}
	if most <= refused {
		t.Errorf("at most %d of %d shared a commit", most, rows)
	}
}

// Who waits when the database is closed is written; who comes later is told.
func TestCloseWritesWhoWaits(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	begun, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	write := func(fn func()) {
		wg.Go(func() {
			if err := db.Write(t.Context(), func(context.Context, database.Tx) error { fn(); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	write(func() { close(begun); <-leave })
	<-begun
	written := false
	write(func() { written = true })
	for db.Queued() < 1 {
		runtime.Gosched()
	}
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	close(leave)
	wg.Wait()
	if err := <-closed; err != nil || !written {
		t.Errorf("closed with %v, written: %v", err, written)
	}
	if err := db.Write(t.Context(), func(context.Context, database.Tx) error { return nil }); !errors.Is(err, database.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
}

// What lost a deadlock writes no more in that attempt, also where its function
// does not stop at the error. MySQL would commit what follows, each statement
// for itself.
func TestWhoLosesADeadlockWritesNoMore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		if db.Engine() == database.SQLite {
			return // has one writer, and so no deadlocks
		}
		lock := func(ctx context.Context, tx database.Tx, name string) error {
			_, err := db.Exec(ctx, tx, "UPDATE job_runs SET slot = slot + 1 WHERE name = ?", name)
			return err
		}
		names := []string{"job0", "job1"}
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return errors.Join(insert(ctx, tx, names[0]), insert(ctx, tx, names[1]))
		})
		if err != nil {
			t.Fatal(err)
		}
		var first, all sync.WaitGroup
		first.Add(2)
		attempts := make([]int, 2)
		for i := range 2 {
			all.Go(func() {
				err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
					attempts[i]++
					own := lock(ctx, tx, names[i])
					if attempts[i] == 1 {
						first.Done()
						first.Wait() // both hold a row that the other wants
					}
					other := lock(ctx, tx, names[1-i])
					_, after := db.Exec(ctx, tx, "INSERT INTO job_runs (name, slot, started_at, status, result, error) VALUES (?, 1, 1, '', '', '')",
						fmt.Sprint("after ", i, attempts[i]))
					return errors.Join(own, other, after)
				})
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if attempts[0]+attempts[1] < 3 {
			t.Errorf("no deadlock: %v", attempts)
		}
		if n := count(t, db); n != 4 {
			t.Errorf("%d rows, want the two and one of each writer", n)
		}
	})
}
