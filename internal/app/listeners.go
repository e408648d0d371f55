package app

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/service"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

// listeners are the apps whose events come over connections that we open. Every
// replica listens; who gets an event is the platform's choice.
type listeners struct {
	apps []chatApp
	door *intake.Door
	late func(ctx context.Context, in *platforms.Inbound, accepted []inbox.Accepted)
	log  *slog.Logger
	task service.Task
	// settled is closed when what had waited for the connections is stored, or
	// after settleLimit.
	settled chan struct{}
}

const (
	// settleLimit is how long answers wait for the connections after a start.
	settleLimit = 2 * time.Second
	// settleLook is how often it is looked.
	settleLook = 10 * time.Millisecond
)

func newListeners(apps []chatApp, door *intake.Door, g *gateway.Gateway, m *metrics.Metrics, log *slog.Logger) *listeners {
	l := &listeners{door: door, late: g.Late, log: log}
	for _, a := range apps {
		if a.source == nil {
			continue
		}
		l.apps = append(l.apps, a)
		m.Connections(a.name, func() (open int, failed bool) {
			c := a.source.Connection()
			return c.Open, c.State == platforms.Failed
		})
	}
	return l
}

// start connects, in the background. To stop the task ends the connections once
// what came in is stored and acknowledged.
func (l *listeners) start(ctx context.Context) { l.task.Start(ctx, l.run) }

func (l *listeners) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { l.settle(ctx) })
	for _, a := range l.apps {
		running.Go(func() {
			err := a.source.Run(ctx, func(ctx context.Context, in platforms.Inbound) error { return l.deliver(ctx, a.name, in) })
			if err != nil {
				l.log.ErrorContext(ctx, "a platform's connection failed for good; correct its settings and restart serve",
					slog.String("platform", a.name), slog.Any("error", err))
			}
		})
	}
	running.Wait()
}

// settle lets answers begin once nothing that waited outside was said before what
// is stored: a process that died may have stored the later of two messages alone.
func (l *listeners) settle(ctx context.Context) {
	defer close(l.settled)
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	waits := func(a chatApp) bool { return !a.source.Connection().Settled }
	if !slices.ContainsFunc(l.apps, waits) {
		return
	}
	for range service.Every(ctx, settleLook) {
		if !slices.ContainsFunc(l.apps, waits) {
			return
		}
	}
}

// deliver stores what came in by the door that webhooks come in by.
func (l *listeners) deliver(ctx context.Context, platform string, in platforms.Inbound) error {
	if in.Fault != nil { // it would be the same the next time
		l.door.Refuse(ctx, platform, in.Fault)
		return nil //nolint:nilerr // it is acknowledged: the same would come again
	}
	accepted, err := l.door.Take(ctx, intake.Delivery{Source: platform, Size: in.Size, Arrived: in.Arrived, Events: in.Events})
	l.late(ctx, &in, accepted)
	switch failure.KindOf(err) {
	case failure.Invalid, failure.TooLarge, failure.Conflict: // so would this; the door has counted it
		err = nil
	default:
	}
	return err
}

// connections tells operators how each app is connected.
func (l *listeners) connections() []web.Connection {
	all := []web.Connection{}
	for _, a := range l.apps {
		c := a.source.Connection()
		_, app, _ := strings.Cut(a.name, ".")
		all = append(all, web.Connection{Platform: a.name, App: app, Mode: a.mode, State: string(c.State), Open: c.Open, Error: c.Error})
	}
	return all
}
