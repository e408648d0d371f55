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
	cron gocron.Cron
	zone *time.Location

	mu   sync.Mutex
	next time.Time // the scheduled time that gocron waits for
}

func newTimetable(cron string, zone *time.Location) (*timetable, error) {
	if strings.Contains(cron, "@every") {
		return nil, fmt.Errorf("schedule %q: @every counts from each replica's own start; use five fields", cron)
	}
	t := &timetable{cron: gocron.NewDefaultCron(false), zone: zone}
	if err := t.cron.IsValid(cron, zone, time.Now().In(zone)); err != nil {
		if errors.Is(err, gocron.ErrCronJobInvalid) {
			return nil, fmt.Errorf("schedule %q: there is no such date", cron)
		}
		return nil, fmt.Errorf("schedule %q: want five fields: minute hour day month weekday", cron)
	}
	return t, nil
}

// after returns the first scheduled time after now.
func (t *timetable) after(now time.Time) time.Time { return t.cron.Next(now.In(t.zone)) }

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
