package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

const (
	// SessionTime is how long a session lasts at most.
	SessionTime = 7 * 24 * time.Hour
	// QuietTime is how long a session lasts that is not used.
	QuietTime = 12 * time.Hour
	// seenEvery is how exactly it is kept when a session was last used.
	seenEvery = time.Minute
)

// The kinds of a row.
const (
	kindSession = "session"
	kindLink    = "link"
)

// Begin begins a session and returns what the browser's cookie is to hold.
func (d *Door) Begin(ctx context.Context) (cookie string, err error) { return d.begin(ctx, nil) }

// begin begins a session; a link, unless nil, is used up in the same commit.
func (d *Door) begin(ctx context.Context, link []byte) (cookie string, err error) {
	now := d.now()
	ends := now.Add(SessionTime)
	cookie = d.sessions.make(ends)
	_, id, _ := d.sessions.read(cookie)
	first := true
	err = d.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		first = true
		if err := d.trimTx(ctx, tx, now); err != nil {
			return err
		}
		if link != nil {
			var err error
			if first, err = d.insertTx(ctx, tx, kindLink, link, now, now.Add(LinkTime)); err != nil || !first {
				return err
			}
		}
		_, err := d.insertTx(ctx, tx, kindSession, id, now, ends)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("begin a session: %w", database.Explain(err))
	}
	if !first {
		return "", ErrUsedLink
	}
	return cookie, nil
}

// insertTx reports whether there was no row of that id yet.
func (d *Door) insertTx(ctx context.Context, tx database.Tx, kind string, id []byte, now, ends time.Time) (bool, error) {
	n, err := d.db.Exec(ctx, tx, insertOnce(d.db.Engine()), id, kind, now.UnixMicro(), ends.UnixMicro())
	return n == 1, err
}

// trimTx removes what is over.
func (d *Door) trimTx(ctx context.Context, tx database.Tx, now time.Time) error {
	_, err := d.db.Exec(ctx, tx, "DELETE FROM sign_ins WHERE ends_at <= ? OR (kind = ? AND seen_at <= ?)",
		now.UnixMicro(), kindSession, now.Add(-QuietTime).UnixMicro())
	return err
}

// Session reports whether a cookie stands for a session that goes on, and
// notes that it was used.
func (d *Door) Session(ctx context.Context, cookie string) (bool, error) {
	now := d.now()
	ends, id, ok := d.sessions.read(cookie)
	if !ok || !now.Before(ends) {
		return false, nil
	}
	seen, there, err := d.find(ctx, kindSession, id)
	if err != nil || !there || now.Sub(seen) >= QuietTime {
		return false, err
	}
	if now.Sub(seen) < seenEvery {
		return true, nil
	}
	err = d.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := d.db.Exec(ctx, tx, "UPDATE sign_ins SET seen_at = ? WHERE id = ?", now.UnixMicro(), id)
		return err
	})
	return err == nil, database.Explain(err)
}

// End ends the session that a cookie stands for, on every replica.
func (d *Door) End(ctx context.Context, cookie string) error {
	_, id, ok := d.sessions.read(cookie)
	if !ok {
		return nil
	}
	err := d.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := d.db.Exec(ctx, tx, "DELETE FROM sign_ins WHERE id = ? AND kind = ?", id, kindSession)
		return err
	})
	return database.Explain(err)
}

// find returns when a row was last seen, if it is there.
func (d *Door) find(ctx context.Context, kind string, id []byte) (seen time.Time, there bool, err error) {
	var at int64
	err = d.db.QueryRow(ctx, d.db.Read(), []any{&at}, "SELECT seen_at FROM sign_ins WHERE id = ? AND kind = ?", id, kind)
	if errors.Is(err, sql.ErrNoRows) {
		return seen, false, nil
	}
	if err != nil {
		return seen, false, fmt.Errorf("look a sign-in up: %w", database.Explain(err))
	}
	return time.UnixMicro(at), true, nil
}
