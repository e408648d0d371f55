// Package signs shows in a chat that a reply is being made, and sees to it that
// no such sign outlives the reply, after a crash neither: each is a row before
// it is shown, until it is taken away.
//
// A sign is a courtesy. Nothing waits for one, and its failures are for the log.
package signs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

const (
	// showAfter is how long a reply must take to be worth a sign.
	showAfter = 150 * time.Millisecond
	// callLimit bounds one call to a platform.
	callLimit = 3 * time.Second
	// sweepEvery is how often what a crash has left is looked for.
	sweepEvery = 30 * time.Second
	sweepMost  = 100 // at once

	kept = 5 * time.Minute // for which a sign that cannot be taken away is tried again
)

// Options are what signs are shown with.
type Options struct {
	DB *database.DB
	// Sender returns who shows replies on a platform.
	Sender func(platform string) platforms.Sender
	// Ended returns those of some events that are at their end, or gone.
	Ended func(ctx context.Context, ids []int64) ([]int64, error)
	// Words say to who wrote an event that it is being answered.
	Words  func(ctx context.Context, e *platforms.Event) string
	Logger *slog.Logger
}

// Signs is safe for concurrent use.
type Signs struct{ Options }

// New returns signs on a migrated database.
func New(o Options) *Signs { return &Signs{o} }

// Begin shows after a moment that an event is being answered, unless its
// platform has no signs. end takes the sign away and returns once it is gone;
// it is to be called once. first says that nobody has answered the event before,
// so that there is no sign yet.
func (s *Signs) Begin(ctx context.Context, id int64, e *platforms.Event, first bool) (end func()) {
	signer, ok := s.Sender(e.Platform).(platforms.Signer)
	if !ok {
		return func() {}
	}
	showing, stop := context.WithCancel(ctx)
	one := &sign{Signs: s, signer: signer, id: id, to: e.ReplyTo}
	one.to.Extra = nil // it holds ways to answer, which must not be kept
	var shown sync.WaitGroup
	shown.Go(func() { one.show(showing, e) })
	return func() {
		stop()
		shown.Wait()
		switch ctx := context.WithoutCancel(ctx); {
		case one.begun:
			one.takeAway(ctx)
		case !first:
			one.log(ctx, "look for a sign", s.sweep(ctx, id, id))
		}
	}
}

// sign is that of one event.
type sign struct {
	*Signs
	signer platforms.Signer
	id     int64
	to     platforms.Address
	begun  bool // it may be there
	handle string
}

// show shows the sign until ctx ends, again and again where it does not last.
func (s *sign) show(ctx context.Context, e *platforms.Event) {
	if !wait(ctx, showAfter) {
		return
	}
	if err := s.note(ctx, e.Platform); err != nil {
		s.log(ctx, "note a sign", err)
		return
	}
	s.begun = true
	words := s.Words(ctx, e)
	for {
		handle, lasts, err := s.call(ctx, func(ctx context.Context) (string, time.Duration, error) { return s.signer.Sign(ctx, e.ReplyTo, words) })
		if err != nil || handle == "" {
			s.log(ctx, "show a sign", err)
			return
		}
		if handle != s.handle {
			s.handle = handle
			s.log(ctx, "note a sign", s.keep(context.WithoutCancel(ctx)))
		}
		if lasts <= 0 || !wait(ctx, lasts*3/4) || !s.isNoted(ctx) {
			return
		}
	}
}

func (s *sign) call(ctx context.Context, do func(context.Context) (string, time.Duration, error)) (string, time.Duration, error) {
	// What was begun is not broken off: then nobody would know what became of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	return do(ctx)
}

// takeAway takes the sign away; where that fails a sweep tries again.
func (s *sign) takeAway(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := s.signer.Unsign(ctx, s.to, s.handle); err != nil {
		s.log(ctx, "take a sign away", err)
		return
	}
	s.log(ctx, "forget a sign", s.forget(ctx, s.id))
}

func (s *sign) log(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.Logger.InfoContext(ctx, "a sign of work failed", slog.String("operation", what), slog.Int64("event", s.id), slog.Any("error", err))
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// note commits that there may be a sign, which a former attempt may have left.
func (s *sign) note(ctx context.Context, platform string) error {
	address, err := json.Marshal(s.to)
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := s.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		var n int
		if err := s.DB.QueryRow(ctx, tx, []any{&n}, "SELECT COUNT(*) FROM signs WHERE event_id = ?", s.id); err != nil || n > 0 {
			return err
		}
		_, err = s.DB.Exec(ctx, tx, "INSERT INTO signs (event_id, platform, address, handle, since) VALUES (?, ?, ?, '', ?)",
			s.id, platform, string(address), now)
		return err
	})
}

// isNoted reports whether the sign is still one to be shown: another process may
// have answered the event meanwhile.
func (s *sign) isNoted(ctx context.Context) bool {
	var n int
	err := s.DB.QueryRow(ctx, s.DB.Read(), []any{&n}, "SELECT COUNT(*) FROM signs WHERE event_id = ?", s.id)
	return err == nil && n > 0
}

func (s *sign) keep(ctx context.Context) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := s.DB.Exec(ctx, tx, "UPDATE signs SET handle = ? WHERE event_id = ?", s.handle, s.id)
		return err
	})
}

func (s *Signs) forget(ctx context.Context, ids ...int64) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := s.DB.Exec(ctx, tx, "DELETE FROM signs WHERE event_id IN (?)", ids)
		return err
	})
}

// Run takes away what was left by processes that are gone, until ctx ends.
func (s *Signs) Run(ctx context.Context) {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "signs of work cannot be looked for", slog.Any("error", err))
		}
		if !wait(ctx, sweepEvery) {
			return
		}
	}
}

// left is a sign that is still there.
type left struct {
	id                        int64
	platform, address, handle string
	since                     int64
}

func (l *left) dest() []any { return []any{&l.id, &l.platform, &l.address, &l.handle, &l.since} }

// Sweep takes away the signs of events that are at their end.
func (s *Signs) Sweep(ctx context.Context) error { return s.sweep(ctx, 0, math.MaxInt64) }

// sweep is Sweep for the events with these ids.
func (s *Signs) sweep(ctx context.Context, least, most int64) error {
	all, err := database.All(ctx, s.DB, s.DB.Read(), (*left).dest,
		"SELECT event_id, platform, address, handle, since FROM signs WHERE event_id BETWEEN ? AND ? ORDER BY event_id LIMIT ?", least, most, sweepMost)
	if err != nil || len(all) == 0 {
		return err
	}
	byID := map[int64]*left{}
	ids := make([]int64, len(all))
	for i := range all {
		ids[i], byID[all[i].id] = all[i].id, &all[i]
	}
	ended, err := s.Ended(ctx, ids)
	if err != nil {
		return err
	}
	now, err := s.DB.Clock(ctx, s.DB.Read())
	if err != nil {
		return err
	}
	for _, id := range ended {
		if l := byID[id]; l != nil && !s.sweepOne(ctx, l) && now-l.since > kept.Microseconds() {
			s.Logger.WarnContext(ctx, "a sign of work cannot be taken away", slog.Int64("event", id))
			err = s.forget(ctx, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepOne reports whether a sign is gone.
func (s *Signs) sweepOne(ctx context.Context, l *left) bool {
	signer, ok := s.Sender(l.platform).(platforms.Signer)
	one := &sign{Signs: s, signer: signer, id: l.id, handle: l.handle}
	if !ok || json.Unmarshal([]byte(l.address), &one.to) != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := signer.Unsign(ctx, one.to, l.handle); err != nil {
		one.log(ctx, "take a sign away", err)
		return false
	}
	return s.forget(ctx, l.id) == nil
}
