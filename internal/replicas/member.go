package replicas

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/service"
)

// Member is this process in the table.
type Member struct {
	db      *database.DB
	log     *slog.Logger
	id      string
	version string
	started int64
	beats   service.Task
	leave   sync.Once
}

// Join writes this process into the table and keeps its time there until
// Leave. The caller must hold [database.DB.Exclusive] and have found the schema
// to be its own, so that whoever changes it looks either before or after both.
func Join(ctx context.Context, db *database.DB, version string, log *slog.Logger) (*Member, error) {
	m := &Member{db: db, log: log, id: rand.Text(), version: version}
	err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		gone := now - expiry.Microseconds()
		if db.OneServer() { // this process holds the lock: whoever stands there was killed
			gone = now
		}
		if _, err := db.Exec(ctx, tx, `DELETE FROM replicas WHERE seen_at <= ?`, gone); err != nil {
			return err
		}
		m.started = now
		return m.insert(ctx, tx, now)
	})
	if err != nil {
		return nil, err
	}
	if !db.OneServer() { // of one server, the lock is the sign of life
		m.beats.Start(ctx, m.stay)
	}
	return m, nil
}

func (m *Member) insert(ctx context.Context, tx database.Tx, now int64) error {
	_, err := m.db.Exec(ctx, tx, `INSERT INTO replicas (id, version, started_at, seen_at) VALUES (?, ?, ?, ?)`,
		m.id, m.version, m.started, now)
	return err
}

// stay gives signs of life until ctx ends.
func (m *Member) stay(ctx context.Context) {
	for range service.Every(ctx, beat) {
		if err := m.db.Write(ctx, m.seen); err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "this replica's heartbeat failed", slog.Any("error", err))
		}
	}
}

// seen writes the time, and the row anew when others took this process for gone.
func (m *Member) seen(ctx context.Context, tx database.Tx) error {
	now, err := m.db.Clock(ctx, tx)
	if err != nil {
		return err
	}
	n, err := m.db.Exec(ctx, tx, `UPDATE replicas SET seen_at = ? WHERE id = ?`, now, m.id)
	if n > 0 || err != nil {
		return err
	}
	return m.insert(ctx, tx, now)
}

// leaveLimit bounds how long a stop waits for the database.
const leaveLimit = 5 * time.Second

// Leave takes this process out of the table. It may be called twice.
func (m *Member) Leave() error {
	var err error
	m.leave.Do(func() {
		m.beats.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
		defer cancel()
		err = m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := m.db.Exec(ctx, tx, `DELETE FROM replicas WHERE id = ?`, m.id)
			return err
		})
	})
	return err
}
