package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/service"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

// chatPage is the platform of who writes on the chat page.
const chatPage = "web"

// sendTimeout bounds one call to a platform whatever the adapter asks for.
const sendTimeout = outbox.SendLimit

// platformSet holds the apps that are switched on.
type platformSet struct {
	vendors []vendor
	apps    []chatApp
	log     *slog.Logger

	asking service.Task
}

func newPlatforms(vendors []vendor, cfg *config.Config, timeout time.Duration, log *slog.Logger) (*platformSet, error) {
	set := &platformSet{vendors: vendors, log: log}
	for _, v := range vendors {
		apps, err := v.apps(cfg, tools{httpClient(timeout), log})
		if err != nil {
			return nil, err
		}
		set.apps = append(set.apps, apps...)
	}
	return set, nil
}

// start asks the platforms in the background who the bot is, so that it knows
// when it is meant. Nothing waits for the answer.
func (p *platformSet) start(ctx context.Context) { p.asking.Start(ctx, p.ask) }

func (p *platformSet) ask(ctx context.Context) {
	var asking sync.WaitGroup
	for _, a := range p.apps {
		checker, ok := a.adapter.(platforms.Checker)
		if !ok {
			continue
		}
		asking.Go(func() {
			if err := checker.Check(ctx).Err(); err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "a platform did not accept its credentials, or did not answer", slog.String("platform", a.name), slog.Any("error", err))
			}
		})
	}
	asking.Wait()
}

// removed tells which apps their platform has taken away.
func (p *platformSet) removed() []web.Removal {
	var all []web.Removal
	for _, a := range p.apps {
		if r, ok := a.adapter.(platforms.Removable); ok {
			why := r.Removed()
			for _, tenant := range slices.Sorted(maps.Keys(why)) {
				all = append(all, web.Removal{Platform: a.name, Tenant: tenant, Reason: why[tenant]})
			}
		}
	}
	return all
}

// showRemoved has metrics show the same.
func (p *platformSet) showRemoved(m *metrics.Metrics) {
	for _, a := range p.apps {
		if r, ok := a.adapter.(platforms.Removable); ok {
			m.Removed(a.name, func() int { return len(r.Removed()) })
		}
	}
}

func (p *platformSet) names() []string { return slices.Sorted(maps.Keys(p.senders())) }

// senders returns who shows replies, by platform.
func (p *platformSet) senders() map[string]platforms.Sender {
	all := map[string]platforms.Sender{chatPage: silent{}}
	for _, a := range p.apps {
		if !a.mute {
			all[a.name] = a.adapter
		}
	}
	return all
}

// settle returns how long the sends of each platform take to settle; override,
// unless it is 0, instead of what the adapters say.
func (p *platformSet) settle(override time.Duration) map[string]time.Duration {
	all := map[string]time.Duration{}
	for _, a := range p.apps {
		if a.settle > 0 {
			all[a.name] = a.settle
		}
		if a.settle > 0 && override > 0 {
			all[a.name] = override
		}
	}
	return all
}

// receivers returns who reads the webhooks of chat platforms, nil for those that
// are off.
func (p *platformSet) receivers() map[string]platforms.Receiver {
	all := map[string]platforms.Receiver{}
	for _, v := range p.vendors {
		if v.name != "" {
			all[v.name] = nil
		}
	}
	for _, a := range p.apps {
		if a.program == nil {
			all[a.name] = a.adapter
		}
	}
	return all
}

// sources returns who reads what programs send.
func (p *platformSet) sources() map[string]web.Source {
	all := map[string]web.Source{}
	for _, a := range p.apps {
		if a.program != nil {
			all[a.name] = a.program
		}
	}
	return all
}

// Checked is an app of a platform, to be asked how it is.
type Checked struct {
	Platform string
	// Checker is nil where the platform is off.
	Checker platforms.Checker
	// Err says why there is no such app although it is switched on.
	Err error
}

// Checks returns every app that can be asked about itself, and the platforms
// that are off.
func Checks(cfg *config.Config, log *slog.Logger) []Checked {
	var all []Checked
	for _, v := range registry() {
		if v.name == "" {
			continue
		}
		apps, err := v.apps(cfg, tools{httpClient(sendTimeout), log})
		for _, a := range apps {
			if checker, ok := a.adapter.(platforms.Checker); ok {
				all = append(all, Checked{Platform: a.name, Checker: probing{checker, a.source}})
			}
		}
		if err != nil || !slices.ContainsFunc(apps, func(a chatApp) bool { return a.name == v.name }) {
			all = append(all, Checked{Platform: v.name, Err: err})
		}
	}
	return all
}

// probing also asks where to connect to, where events come over a connection.
type probing struct {
	platforms.Checker

	source platforms.Source // nil: they come as webhooks
}

// Check implements [platforms.Checker].
func (p probing) Check(ctx context.Context) platforms.Checkup {
	is := p.Checker.Check(ctx)
	if p.source == nil {
		return is
	}
	if err := p.source.Probe(ctx); err != nil {
		is.Faults = append(is.Faults, platforms.Advice{
			Problem: "no connection for events: " + failure.SafeOf(err), Err: err,
			Remedy: "check the credentials, and that the app may receive events over a connection",
		})
	}
	return is
}
