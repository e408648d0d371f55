package database

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// listenAgain is the wait before listening again after a lost connection.
const listenAgain = 2 * time.Second

// Notify wakes everybody who listens on channel, on whichever replica. It is a
// hint only: on engines other than PostgreSQL it does nothing.
func (db *DB) Notify(ctx context.Context, channel string) error {
	if db.Engine() != Postgres || db.pooled {
		return nil
	}
	_, err := db.write.ExecContext(ctx, "SELECT pg_notify(?, '')", channel)
	return Explain(err)
}

// Listen calls wake for each [DB.Notify] on channel until ctx ends. It holds a
// connection of its own, which it opens anew when it is lost; what was sent
// meanwhile is missed. On engines other than PostgreSQL, and through a pooler, it only waits.
func (db *DB) Listen(ctx context.Context, channel string, wake func()) {
	for ctx.Err() == nil && db.Engine() == Postgres && !db.pooled {
		err := db.listen(ctx, channel, wake)
		if ctx.Err() != nil {
			return
		}
		db.log.DebugContext(ctx, "no longer listening for other replicas", slog.Any("error", err))
		again := time.NewTimer(listenAgain)
		select {
		case <-ctx.Done():
		case <-again.C:
		}
		again.Stop()
	}
	<-ctx.Done()
}

func (db *DB) listen(ctx context.Context, channel string, wake func()) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return Explain(err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("not a connection of pgx")
		}
		if _, err := pg.Conn().Exec(ctx, `LISTEN "`+channel+`"`); err != nil {
			return err
		}
		for {
			// A cancelled wait closes the connection, so that the pool does not use it again.
			if _, err := pg.Conn().WaitForNotification(ctx); err != nil {
				return err
			}
			wake()
		}
	})
	return Explain(err)
}
