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
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/erasure"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/replicas"
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
	patience = 10 * time.Minute
	// crashWait is how long a conversation waits after its process died over it
	// again; it grows with each death.
	crashWait = 2 * time.Second
)

// core is everything between the adapters and the database.
type core struct {
	db      *database.DB
	unlock  func()
	member  *replicas.Member // nil: not a server
	store   *conversation.PersistentConversationManager
	memory  memory.Backend
	eraser  *erasure.Eraser
	usage   *usage.Ledger
	inbox   *inbox.Inbox
	gateway *gateway.Gateway
	runner  *turn.Runner
	metrics *metrics.Metrics
	since   time.Time // when the version began that knows tenants and people as they are
	// circuits keep work from being burnt on endpoints that do not answer.
	circuits *breaker.Set
}

// purpose says what a core is opened for.
type purpose struct {
	queue   string // of the events it answers
	alone   bool   // nobody else may serve from the same SQLite file
	version string // of a server, which other versions must not change the schema under
	senders map[string]platforms.Sender
	settle  map[string]time.Duration // see outbox.Options
}

func newCore(ctx context.Context, cfg *config.Config, log *slog.Logger, p purpose) (c *core, err error) {
	c = &core{unlock: func() {}, metrics: metrics.New()}
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
	if p.alone {
		if c.unlock, err = c.db.LockFile(); err != nil {
			c.unlock = func() {}
			return nil, fmt.Errorf("database %s: %w", c.db.Target, err)
		}
	}
	if err := migrate(ctx, cfg, c.db); err != nil {
		return nil, err
	}
	if p.alone {
		if err := c.join(ctx, p.version, log); err != nil {
			return nil, err
		}
	}
	if err := c.openRooms(ctx, cfg, p); err != nil {
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
	return database.Open(ctx, database.Options{URL: url, DataDir: p.DataDir, Echo: p.Echo, Logger: log})
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
		return err
	})
}

func (c *core) openRooms(ctx context.Context, cfg *config.Config, p purpose) (err error) {
	if c.store, err = conversation.New(ctx, c.db); err != nil {
		return err
	}
	if c.memory, err = openMemory(ctx, cfg, c.db); err != nil {
		return err
	}
	c.usage = usage.New(c.db)
	if c.since, err = migrations.AppliedAt(ctx, c.db, migrations.Budgets); err != nil {
		return err
	}
	c.inbox, err = inbox.New(ctx, inbox.Options{
		DB: c.db, Queue: p.queue, Owner: rand.Text(), Lease: lease, CrashWait: crashWait,
		Scope:        inbox.Scope(cfg.AI.ConversationPersistence.Scope),
		MentionsOnly: cfg.Gateway.GroupMentionsOnly,
		Deliveries:   outbox.Table{DB: c.db},
		Group:        turn.Group(turn.Busy(cfg.Gateway.Busy), turn.IsCommand(cfg.Commands.Prefix)),
		KeysSince:    c.since,
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
		Settle: p.settle, Circuits: c.circuits, Metrics: c.metrics, Logger: log,
	})
	zone, err := time.LoadLocation(cfg.Scheduler.Timezone)
	if err != nil {
		return fmt.Errorf("scheduler.timezone: %w", err)
	}
	budget := turn.Budget{
		Tokens: cfg.AI.Budget.TokensPerUser, ChatTokens: cfg.AI.Budget.TokensPerChat,
		Monthly: cfg.AI.Budget.Period == "month", Location: zone,
	}
	c.eraser = erasure.New(erasure.Options{
		DB: c.db, Inbox: c.inbox, Store: c.store, Usage: c.usage, Strays: c.strays(), Period: budget.Period, Logger: log,
	})
	c.store.OnGone(c.eraser.NoteTx)
	choices := c.profile(cfg)
	registry := c.registry(cfg, choices, budget)
	c.gateway = gateway.New(gateway.Options{
		Inbox: c.inbox, Outbox: out, Workers: cfg.Gateway.Workers, Grace: cfg.Server.ShutdownGrace,
		Metrics: c.metrics, Circuits: c.circuits, Voice: voice(registry), Logger: log,
	})
	counter := ai.NewCounter()
	assistant, err := newAssistant(cfg, counter, c.circuits, c.metrics, log)
	if err != nil {
		return err
	}
	persistence := &cfg.AI.ConversationPersistence
	options := turn.Options{
		DB: c.db, Inbox: c.inbox, Outbox: out, Store: c.store, Memory: c.memory, Usage: c.usage,
		Commands: registry, Profile: choices, Counter: counter,
		Listener: c.gateway.Listener(), Metrics: c.metrics, Logger: log,
		Prefix: cfg.Commands.Prefix, Scope: inbox.Scope(persistence.Scope),
		Busy: turn.Busy(cfg.Gateway.Busy), MaxAttempts: int64(cfg.Gateway.MaxAttempts), Patience: patience,
		HistoryTurns: persistence.MaxHistoryTurns, HistoryTokens: cfg.AI.ContextTokens,
		MaxReply: int(cfg.Gateway.MaxReply), Budget: budget, Backoff: backoff, MaxBackoff: maxBackoff,
	}
	if assistant != nil { // a nil *ai.Assistant would not be a nil interface
		options.Assistant = assistant
	}
	c.runner = turn.New(options)
	// Alone on the file, whatever is claimed was claimed by a process that is no more.
	if p.alone && c.db.OneServer() {
		return c.inbox.TakeOver(ctx)
	}
	return nil
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

// close gives everything back. It may be called on a half-made core.
func (c *core) close() error {
	var err error
	if c.gateway != nil {
		c.gateway.Stop()
	}
	if c.eraser != nil {
		c.eraser.Stop()
	}
	if c.member != nil {
		err = c.member.Leave()
	}
	if c.db != nil {
		err = errors.Join(err, c.db.Close())
	}
	c.unlock()
	return err
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
	return errors.Join(c.db.Ping(ctx), migrations.Check(ctx, c.db))
}
