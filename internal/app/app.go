package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/peer"
	"github.com/parley-bot/parley/internal/private"
	"github.com/parley-bot/parley/internal/service"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/internal/spool"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/scheduler"
)

// Options are what the program's surroundings give it.
type Options struct {
	Logger  *slog.Logger
	Version string
	Now     func() time.Time // of incoming requests' signatures; nil: time.Now
	// Settle is how long after the start of a send whose outcome is unknown
	// its platform may still take it; 0: longer than the adapter waits for an answer.
	Settle time.Duration
	// CallTimeout bounds one call to a platform; 0: what the adapters allow.
	CallTimeout time.Duration
	// Paused accepts events and answers none, to measure the one without the other.
	Paused bool
	// Started is told, once requests are answered, a link that signs in to the
	// pages; nil: nobody.
	Started func(signInLink string)

	more []vendor // beside the registry's
}

// App is the gateway, ready to run.
type App struct {
	core      *core
	platforms *platformSet
	listeners *listeners
	scheduler *scheduler.Scheduler
	web       *web.Server
	listener  net.Listener
	operators net.Listener // nil: none
	log       *slog.Logger
	stops     service.Stack
	version   string
	paused    bool
	started   func(signInLink string)
	settled   chan struct{} // closed when answers may begin
	// signInLink makes a link to the pages.
	signInLink func() (string, error)
}

// New opens the database and the port and puts everything together. Nothing
// is answered before Run.
func New(ctx context.Context, cfg *config.Config, o Options) (a *App, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a = &App{log: o.Logger, version: o.Version, paused: o.Paused, started: o.Started, settled: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
			a = nil
		}
	}()
	for _, warning := range cfg.Warnings() {
		o.Logger.WarnContext(ctx, warning) //nolint:sloglint // the configuration's own sentence
	}
	if a.platforms, err = newPlatforms(append(registry(), o.more...), cfg, cmp.Or(o.CallTimeout, sendTimeout), o.Logger); err != nil {
		return a, err
	}
	a.stops.Push(func() error { a.platforms.asking.Stop(); return nil })
	if a.core, err = newCore(ctx, cfg, o.Logger, purpose{
		alone: true, version: o.Version, senders: a.platforms.senders(),
		settle: a.platforms.settle(o.Settle), begin: a.settled,
	}); err != nil {
		return a, err
	}
	a.stops.Push(a.core.close)
	if a.scheduler, err = newScheduler(cfg, a.core, o.Version, o.Logger); err != nil {
		return a, err
	}
	a.stops.Push(a.stopScheduler)
	if a.web, err = newWeb(ctx, cfg, a, o); err != nil {
		return a, err
	}
	a.stops.Push(func() error { a.listeners.task.Stop(); return nil })
	if a.listener, err = a.web.Listen(ctx); err != nil {
		return a, err
	}
	a.stops.Push(func() error { _ = a.listener.Close(); return nil }) // Serve has closed it already, unless it never ran
	if cfg.Server.OperationsListen == "" {
		return a, nil
	}
	if a.operators, err = a.web.ListenOperations(ctx, cfg.Server.OperationsListen); err != nil {
		return a, err
	}
	a.stops.Push(func() error { _ = a.operators.Close(); return nil }) // likewise
	return a, nil
}

// Addr returns the address that the server listens on.
func (a *App) Addr() string { return a.listener.Addr().String() }

// OperationsAddr returns the address of the listener for operators, "" where
// there is none.
func (a *App) OperationsAddr() string {
	if a.operators == nil {
		return ""
	}
	return a.operators.Addr().String()
}

// Run serves until ctx ends, then stops: nothing more is accepted, and what is
// running is finished or handed back within the grace.
func (a *App) Run(ctx context.Context) error {
	a.platforms.start(ctx)
	if !a.paused {
		a.core.start(ctx)
		a.core.watching.Start(ctx, func(ctx context.Context) { a.core.budget.Watch(ctx, a.core.metrics, a.log) })
		a.core.indexing.Start(ctx, func(ctx context.Context) { a.core.store.Index(ctx, a.log) })
	}
	if err := a.scheduler.Start(); err != nil {
		return errors.Join(err, a.Close())
	}
	a.listeners.start(ctx)
	defer context.AfterFunc(ctx, func() { a.listeners.task.Stop() })() // as soon as requests are no longer accepted
	if a.operators != nil {
		a.log.InfoContext(ctx, "operations", slog.String("listen", a.OperationsAddr()))
	}
	a.log.InfoContext(ctx, "ready", slog.String("version", a.version), slog.String("listen", a.Addr()), slog.String("database", a.core.db.Target.String()),
		slog.Any("platforms", a.platforms.names()))
	if a.started != nil {
		link, err := a.signInLink()
		if err != nil {
			return errors.Join(err, a.Close())
		}
		a.started(link)
	}
	err := a.serve(ctx)
	a.log.InfoContext(context.WithoutCancel(ctx), "stopping")
	return errors.Join(err, a.Close())
}

// serve answers on both listeners until ctx ends or one of them fails.
func (a *App) serve(ctx context.Context) error {
	if a.operators == nil {
		return a.web.Serve(ctx, a.listener)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	operations := make(chan error, 1)
	go func() {
		defer stop()
		operations <- a.web.ServeOperations(ctx, a.operators)
	}()
	err := a.web.Serve(ctx, a.listener)
	stop()
	return errors.Join(err, <-operations)
}

// Close stops everything and closes the database. It may be called twice.
func (a *App) Close() error { return a.stops.Stop() }

// stopScheduler gives the jobs that run a moment.
func (a *App) stopScheduler() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return a.scheduler.Stop(ctx)
}

func newWeb(ctx context.Context, cfg *config.Config, a *App, o Options) (*web.Server, error) {
	token, path, err := AdminToken(cfg)
	if err != nil {
		return nil, err
	}
	proxies, err := peer.Parse(cfg.Server.TrustedProxies)
	if err != nil {
		return nil, err
	}
	if path != "" {
		o.Logger.InfoContext(ctx, "admin token", slog.String("file", path))
		if err := private.Keep(path); err != nil {
			o.Logger.WarnContext(ctx, "the admin token file is accessible to other users of this machine", slog.Any("error", err))
		}
	}
	door := signin.New(signin.Options{Token: token, DB: a.core.db, Proxies: proxies, Metrics: a.core.metrics, Logger: o.Logger})
	a.signInLink = func() (string, error) { return SignInLink(cfg, token, a.Addr()) }
	in, err := intake.New(intake.Options{Store: a.core.gateway, Metrics: a.core.metrics, Logger: o.Logger, Now: o.Now}, a.platforms.names()...)
	if err != nil {
		return nil, err
	}
	a.platforms.showRemoved(a.core.metrics)
	a.listeners = newListeners(a.platforms.apps, in, a.core.gateway, a.core.metrics, o.Logger)
	a.listeners.settled = a.settled
	return web.New(web.Options{
		Listen: cfg.Server.Listen, BodyLimit: int64(cfg.Server.BodyLimit), Grace: cfg.Server.ShutdownGrace,
		Proxies: proxies,
		Intake:  in, Listeners: a.listeners.connections, Removed: a.platforms.removed,
		Gateway:   a.core.gateway,
		Receivers: a.platforms.receivers(), Sources: a.platforms.sources(),
		Admin: admin.New(admin.Options{
			Door: door, PublicURL: string(cfg.Server.PublicURL), Chat: &talk{core: a.core, platform: chatPage, person: "local"},
			Conversations: a.core.store, SpoolDir: spool.Dir(cfg.AI.ConversationPersistence.DataDir),
			Jobs: a.scheduler, Stats: a.core.store, Usage: usageReport{a.core}, Budgets: a.core.budgets, Events: a.core.inbox.Ledger, Pairings: access.Book{DB: a.core.db}, Tools: pins.Book{DB: a.core.db},
			CommandPrefix: cfg.Commands.Prefix,
			Logger:        o.Logger,
		}),
		Door: door, Metrics: a.core.metrics, Ready: a.core.ready, Health: a.core.gateway.Health, Logger: o.Logger, Now: o.Now,
	})
}

// usageReport is the usage ledger as the API shows it.
type usageReport struct{ core *core }

// Usage implements admin.Usage.
func (u usageReport) Usage(ctx context.Context, days int) ([]admin.UsageRow, error) {
	list, err := u.core.usage.Since(ctx, u.core.db.Now().AddDate(0, 0, 1-days))
	if err != nil {
		return nil, err
	}
	rows := make([]admin.UsageRow, len(list))
	for i, d := range list {
		rows[i] = admin.UsageRow{
			Day: d.Day, Model: d.Model, PromptTokens: d.PromptTokens, CompletionTokens: d.CompletionTokens,
			Calls: d.Calls, CachedTokens: d.CachedTokens, Cost: d.Cost,
		}
	}
	return rows, nil
}

// budgets returns the budgets as the API shows them.
func (c *core) budgets(ctx context.Context) ([]admin.Budget, error) {
	states, err := c.budget.List(ctx)
	list := make([]admin.Budget, len(states))
	for i, s := range states {
		list[i] = admin.Budget{
			Scope: string(s.Scope), ID: s.ID, Start: s.Start, Resets: s.Resets, Limit: s.Limit, Used: s.Used, Reserved: s.Reserved, Warning: s.Warning(),
		}
	}
	return list, err
}

func newScheduler(cfg *config.Config, c *core, version string, log *slog.Logger) (*scheduler.Scheduler, error) {
	zone, err := time.LoadLocation(cfg.Scheduler.Timezone)
	if err != nil {
		return nil, fmt.Errorf("scheduler.timezone: %w", err)
	}
	s := &cfg.Scheduler
	days := cfg.AI.ConversationPersistence.CleanupDays
	limits := scheduler.Thresholds{Tokens: cfg.Monitor.TokensWarn, Conversations: cfg.Monitor.ConversationsWarn}
	return scheduler.New(scheduler.Options{
		DB: c.db, Location: zone, Logger: log, Metrics: c.metrics,
		Jobs: []scheduler.Job{
			{Name: "cleanup", Cron: s.Cleanup, Run: c.cleanup(scheduler.Cleanup(c.store, days, s.CleanupArchive, s.CleanupArchiveUsers), days)},
			{Name: "vacuum", Cron: s.Vacuum, Run: scheduler.Vacuum(c.store)},
			{Name: "backup", Cron: s.Backup, Run: scheduler.Backup(keeper(c.db, c.store, c.memory, c.usage, version), s.BackupDir, time.Now)},
			{Name: "report", Cron: s.Report, Run: scheduler.Report(c.store, limits, c.metrics, log)},
		},
	})
}

// usageDays is how long the figures per day and model are kept.
const usageDays = 400

// cleanup also trims the ledger of events, which is kept for as long as
// conversations are, and the usage figures.
func (c *core) cleanup(conversations scheduler.Work, days int) scheduler.Work {
	return func(ctx context.Context) (string, error) {
		result, err := conversations(ctx)
		keep := time.Duration(days) * 24 * time.Hour
		events, trimErr := c.inbox.Trim(ctx, keep)
		return fmt.Sprintf("%s, %d events trimmed", result, events),
			errors.Join(err, trimErr, c.inbox.TrimLanes(ctx, keep), c.inbox.TrimThreads(ctx, keep), c.usage.Trim(ctx, c.db.Now().AddDate(0, 0, -usageDays)), c.usage.Fold(ctx, c.db.Now()), c.budget.Trim(ctx), c.memory.Trim(ctx, c.db.Now()))
	}
}
