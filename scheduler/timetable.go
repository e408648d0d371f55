package scheduler

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a time zone must be known on a machine without a zone database, too

	"github.com/go-co-op/gocron/v2"
)

// timetable knows a job's scheduled times. gocron only says "now"; the time
// that was meant is what replicas must agree on, whose timers differ by some
// milliseconds or more.
type timetable struct {
	cron wallCron

	mu   sync.Mutex
	next time.Time // the scheduled time that gocron waits for
}

func newTimetable(cron string, zone *time.Location) (*timetable, error) {
	if strings.Contains(cron, "@every") {
		return nil, fmt.Errorf("schedule %q: @every counts from each replica's own start; use five fields", cron)
	}
	t := &timetable{cron: wallCron{gocron.NewDefaultCron(false), zone}}
	if err := t.cron.IsValid(cron, zone, time.Now()); err != nil {
		if errors.Is(err, gocron.ErrCronJobInvalid) {
			return nil, fmt.Errorf("schedule %q: no such date", cron)
		}
		return nil, fmt.Errorf("schedule %q: want five fields: minute hour day month weekday", cron)
	}
	return t, nil
}

// wallCron reads a cron by the clock on the wall, of which each time is there
// once: what is meant for the hour that daylight saving skips comes right after
// the jump, and the hour that comes twice counts the first time.
type wallCron struct {
	gocron.Cron // knows no zone

	zone *time.Location
}

// IsValid implements [gocron.Cron].
func (c wallCron) IsValid(cron string, _ *time.Location, now time.Time) error {
	return c.Cron.IsValid(cron, time.UTC, c.wall(now))
}

// Next implements [gocron.Cron].
func (c wallCron) Next(now time.Time) time.Time {
	for wall := c.Cron.Next(c.wall(now)); !wall.IsZero(); wall = c.Cron.Next(wall) {
		if at := c.instant(wall); at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// wall returns what the clock on the wall shows at an instant, as if it were UTC.
func (c wallCron) wall(at time.Time) time.Time {
	_, offset := at.In(c.zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns when the clock on the wall shows that time: the first time
// that it does, or when it jumps over it.
func (c wallCron) instant(wall time.Time) time.Time {
	const aDay = 24 * time.Hour // no zone changes twice within two
	_, before := wall.Add(-aDay).In(c.zone).Zone()
	_, after := wall.Add(aDay).In(c.zone).Zone()
	early := wall.Add(-time.Duration(max(before, after)) * time.Second)
	late := wall.Add(-time.Duration(min(before, after)) * time.Second)
	switch {
	case c.wall(early).Equal(wall):
		return early
	case c.wall(late).Equal(wall):
		return late
	}
	jump, _ := late.In(c.zone).ZoneBounds()
	return jump.UTC()
}

// after returns the first scheduled time after now.
func (t *timetable) after(now time.Time) time.Time { return t.cron.Next(now) }

func (t *timetable) start(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = t.after(now)
}

// early is how much before its time a timer may fire by a clock that is being adjusted.
const early = time.Second

// take returns the scheduled time that a timer firing now means: the last one
// that is not in the future, or the one waited for when the clock was set back.
func (t *timetable) take(now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := t.next
	for next := t.after(slot); !next.After(now.Add(early)); next = t.after(slot) {
		slot = next
	}
	t.next = t.after(slot)
	return slot
}
