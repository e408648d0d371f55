package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/mcp"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/erasure"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/signs"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/replicas"
	"github.com/parley-bot/parley/internal/service"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/platforms"
)

const (
	// lease is how long a conversation stays with a replica that has gone
	// silent. It is longer than a send may take.
	lease = 20 * time.Second
	// Waits between attempts.
	backoff    = 500 * time.Millisecond
	maxBackoff = time.Minute
	// patience is for how long after its arrival an event waits for an open
	// circuit to close before that costs it attempts.
	patience = time.Minute
	// holdGrace is how long after ai.timeout a call of a model that nobody has
	// settled counts as used: its process has died.
	holdGrace = 30 * time.Second
	// crashWait is how long a conversation waits after its process died over it
	// again; it grows with each death.
	crashWait = 2 * time.Second
)

// core is everything between the adapters and the database.
type core struct {
	db        *database.DB
	member    *replicas.Member // nil: not a server
	store     *conversation.PersistentConversationManager
	memory    memory.Backend
	eraser    *erasure.Eraser
	usage     *usage.Ledger
	budget    *budget.Ledger
	access    *access.Gate
	inbox     *inbox.Inbox
	gateway   *gateway.Gateway
	runner    *turn.Runner
	assistant *ai.Assistant // nil: switched off
	metrics   *metrics.Metrics
	behind    service.Task // what is done behind the replies
	indexing  service.Task // for searches
	watching  service.Task // of budgets
	tools     *mcp.Servers // nil: none
	stops     service.Stack
	since     time.Time // when the version began that knows tenants and people as they are
	// circuits keep work from being burnt on endpoints that do not answer.
	circuits *breaker.Set
	writable *verdict
}

// purpose says what a core is opened for.
type purpose struct {
	queue   string // of the events it answers
	alone   bool   // nobody else may serve from the same SQLite file
	version string // of a server, which other versions must not change the schema under
	senders map[string]platforms.Sender
	settle  map[string]time.Duration // see outbox.Options
	begin   <-chan struct{}          // see gateway.Options; nil: at once
}

func newCore(ctx context.Context, cfg *config.Config, log *slog.Logger, p purpose) (c *core, err error) {
	c = &core{metrics: metrics.New(), writable: newVerdict()}
	c.circuits = breaker.NewSet(breaker.Options{OnChange: c.circuitChanged(log)})
	made := c
	defer func() {
		if err != nil {
			err = errors.Join(err, made.close())
		}
	}()
	if c.db, err = openDatabase(ctx, cfg, log); err != nil {
		return nil, err
	}
	unlock := func() {}
	c.stops.Push(func() error { err := made.db.Close(); unlock(); return err })
	if p.alone {
		unlockFile, err := c.db.LockFile()
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", c.db.Target, err)
		}
		unlock = unlockFile
	}
	if err := migrate(ctx, cfg, c.db); err != nil {
		return nil, err
	}
	if p.alone {
		if err := c.join(ctx, p.version, log); err != nil {
			return nil, err
		}
	}
	if err := c.openRooms(ctx, cfg, log, p); err != nil {
		return nil, err
	}
	return c, c.openGateway(ctx, cfg, log, p)
}

func openDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (*database.DB, error) {
	p := &cfg.AI.ConversationPersistence
	url := string(p.DBURL)
	if !p.Enabled {
		url = ":memory:"
	}
	return database.Open(ctx, database.Options{URL: url, DataDir: p.DataDir, Conns: p.PoolSize, Echo: p.Echo, Logger: log})
}

func migrate(ctx context.Context, cfg *config.Config, db *database.DB) error {
	if !cfg.AI.ConversationPersistence.Migrate && !db.Target.Memory() {
		return migrations.Check(ctx, db)
	}
	_, err := migrations.Up(ctx, db)
	return err
}

// join registers this server once the schema is its own.
func (c *core) join(ctx context.Context, version string, log *slog.Logger) error {
	return c.db.Exclusive(ctx, func(ctx context.Context) error {
		err := migrations.Check(ctx, c.db)
		if err == nil {
			c.member, err = replicas.Join(ctx, c.db, version, log)
		}
		if err == nil {
			c.stops.Push(c.member.Leave)
		}
		return err
	})
}

func (c *core) openRooms(ctx context.Context, cfg *config.Config, log *slog.Logger, p purpose) (err error) {
	if c.store, err = conversation.New(ctx, c.db); err != nil {
		return err
	}
	if c.memory, err = openMemory(ctx, cfg, c.db); err != nil {
		return err
	}
	c.usage = usage.New(c.db)
	zone, err := time.LoadLocation(cfg.Scheduler.Timezone)
	if err != nil {
		return fmt.Errorf("scheduler.timezone: %w", err)
	}
	c.budget = budget.New(c.db, budget.Limits{
		Person: cfg.AI.Budget.TokensPerUser, Chat: cfg.AI.Budget.TokensPerChat,
		Monthly: cfg.AI.Budget.Period == "month", Location: zone,
	}, cfg.AI.Timeout+holdGrace)
	if c.since, err = migrations.AppliedAt(ctx, c.db, migrations.Budgets); err != nil {
		return err
	}
	keysSince, err := migrations.AppliedAt(ctx, c.db, migrations.MessageKeys)
	if err != nil {
		return err
	}
	c.access = gate(cfg, c.db, log)
	c.inbox, err = inbox.New(ctx, inbox.Options{
		Refuse: c.access.Refuse,
		Ledger: inbox.NewLedger(c.db, outbox.Table{DB: c.db}, turn.Table{DB: c.db}), Queue: p.queue, Owner: rand.Text(), Lease: lease, CrashWait: crashWait,
		Scope:        inbox.Scope(cfg.AI.ConversationPersistence.Scope),
		MentionsOnly: cfg.Gateway.GroupMentionsOnly,
		Follow:       inbox.Follow(cfg.Gateway.FollowThreads),
		Group:        turn.Group(turn.Busy(cfg.Gateway.Busy), turn.IsCommand(cfg.Commands.Prefix)),
		Stops:        turn.Stops(cfg.Commands.Prefix),
		Admin:        adminOf(cfg),
		KeysSince:    keysSince,
	})
	return err
}

func (c *core) openGateway(ctx context.Context, cfg *config.Config, log *slog.Logger, p purpose) error {
	out := outbox.New(c.db, outbox.Options{
		Sender: func(name string) platforms.Sender {
			if s, ok := p.senders[name]; ok {
				return s
			}
			return gone{name}
		},
		Settle: p.settle, GiveUpAfter: cfg.Gateway.GiveUpAfter, Backoff: backoff, MaxBackoff: maxBackoff,
		Circuits: c.circuits, Metrics: c.metrics, Logger: log,
	})
	c.eraser = erasure.New(erasure.Options{
		DB: c.db, Ledger: c.inbox.Ledger, Store: c.store, Usage: c.usage,
		ForgetTx: forgetTx(c.db), Forget: c.budget.Forget, Period: c.budget.Limits().Period, Strays: c.strays(), Logger: log,
	})
	c.onStop(c.eraser.Stop)
	c.store.OnGone(c.eraser.NoteTx)
	choices := c.profile(cfg)
	registry := c.registry(cfg, choices)
	say := voice(registry)
	c.gateway = gateway.New(gateway.Options{
		Signs: signs.New(signs.Options{
			DB: c.db, Sender: out.Sender, Ended: c.inbox.Ended, Logger: log,
			Words: func(ctx context.Context, e *platforms.Event) string { return say(ctx, e).Say("ai.working") },
		}),
		Inbox: c.inbox, Outbox: out, Workers: cfg.Gateway.Workers, Grace: cfg.Server.ShutdownGrace,
		Metrics: c.metrics, Circuits: c.circuits, Voice: say, Logger: log, Begin: p.begin,
	})
	c.onStop(func() { c.behind.Stop() })
	c.onStop(func() { c.indexing.Stop() })
	c.onStop(func() { c.watching.Stop() })
	c.onStop(c.gateway.Stop)
	counter := ai.NewCounter()
	var err error
	c.assistant, err = newAssistant(cfg, counter, c.circuits, c.metrics, log)
	if err != nil {
		return err
	}
	persistence := &cfg.AI.ConversationPersistence
	options := turn.Options{
		DB: c.db, Inbox: c.inbox, Outbox: out, Store: c.store, Memory: c.memory, Usage: c.usage, Budget: c.budget,
		Access: c.access, Commands: registry, Profile: choices, Counter: counter,
		Audience: c.gateway.Audience, Changed: c.gateway.Changed, Metrics: c.metrics, Logger: log,
		Tools:        c.openTools(cfg, log, p.version),
		SystemPrompt: cfg.AI.SystemPrompt,
		Prefix:       cfg.Commands.Prefix, Scope: inbox.Scope(persistence.Scope),
		Busy: turn.Busy(cfg.Gateway.Busy), MaxAttempts: int64(cfg.Gateway.MaxAttempts), Patience: patience,
		HistoryTurns: persistence.MaxHistoryTurns, HistoryTokens: cfg.AI.ContextTokens,
		MaxReply: int(cfg.Gateway.MaxReply), Backoff: backoff, MaxBackoff: maxBackoff,
	}
	if c.assistant != nil { // a nil *ai.Assistant would not be a nil interface
		options.Assistant = c.assistant
		options.Files.Sees = c.assistant.Sees
		if options.Files.Transcriber, err = newTranscriber(cfg, counter, c.circuits, log); err != nil {
			return err
		}
		if cfg.AI.Compaction && c.assistant.Chosen(ctx, "") != ai.EchoModel { // which makes none
			options.Summaries, options.SmallModel = c.assistant, cfg.AI.SmallModel
		}
	}
	c.runner = turn.New(options)
	// Alone on the file, whatever is claimed was claimed by a process that is no more.
	if p.alone && c.db.OneServer() {
		return c.inbox.TakeOver(ctx)
	}
	return nil
}

// forgetTx removes what rooms keep about a person in tables of their own.
func forgetTx(db *database.DB) func(context.Context, database.Tx, memory.Person) error {
	return func(ctx context.Context, tx database.Tx, p memory.Person) error {
		if err := (access.Book{DB: db}).ForgetTx(ctx, tx, p); err != nil {
			return err
		}
		return turn.Table{DB: db}.ForgetTx(ctx, tx, p)
	}
}

// strays says which data an earlier version has kept under another organization.
func (c *core) strays() erasure.Strays {
	s := erasure.Strays{On: sharesChannels, Since: c.since, Store: c.store}
	if m, ok := c.memory.(*memory.Store); ok {
		s.People = m.Tenants
	}
	return s
}

// StrayConversations counts the conversations of a platform that an earlier
// version has kept under other tenants than the bot's own. An organization's id
// (E…) is no tenant of the bot's: then nobody can tell, and there are none.
func StrayConversations(ctx context.Context, db *database.DB, platform, own string) (int64, error) {
	if own == "" || strings.HasPrefix(own, "E") {
		return 0, nil
	}
	since, err := migrations.AppliedAt(ctx, db, migrations.Budgets)
	if err != nil {
		return 0, err
	}
	store, err := conversation.New(ctx, db)
	if err != nil {
		return 0, err
	}
	return erasure.Strays{On: sharesChannels, Since: since, Store: store}.Conversations(ctx, platform, own)
}

// start begins to answer what waits, and with what is done behind the replies.
func (c *core) start(ctx context.Context) {
	c.gateway.Start(ctx, c.runner)
	c.eraser.Start(ctx)
	c.behind.Start(ctx, c.runner.Compact)
	if c.tools != nil {
		c.tools.Start(ctx)
	}
}

// close gives everything back. It may be called on a half-made core.
func (c *core) close() error { return c.stops.Stop() }

// onStop has something stopped before all that is there already.
func (c *core) onStop(stop func()) {
	c.stops.Push(func() error { stop(); return nil })
}

// circuitChanged tells log and metrics of a circuit that opens or closes.
func (c *core) circuitChanged(log *slog.Logger) func(endpoint string, s breaker.State) {
	return func(endpoint string, s breaker.State) {
		log.Warn("the circuit of an endpoint has changed", slog.String("endpoint", endpoint), slog.String("state", string(s)))
		c.metrics.Circuits.WithLabelValues(endpoint).Set(s.Level())
	}
}

// ready reports whether requests can be served.
func (c *core) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return errors.Join(c.db.Ping(ctx), migrations.Check(ctx, c.db), c.writable.ask(ctx, func() error { return migrations.Writable(ctx, c.db) }))
}
