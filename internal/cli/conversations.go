package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/erasure"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/show"
	"github.com/parley-bot/parley/migrations"
)

// store is what the commands on conversations work on.
type store = conversation.PersistentConversationManager

func (p *program) conversationsCommand() *cobra.Command {
	return group("conversations", "List, show, export, import, clear or delete conversations",
		p.conversationsList(), p.conversationsShow(), p.conversationsExport(),
		p.conversationsImport(), p.conversationsClear(), p.conversationsDelete(),
	)
}

// onStore opens the configured store for do. It may be in use by a server: the
// serve lock is not taken.
func (p *program) onStore(ctx context.Context, what string, do func(s *store) error) error {
	return p.onDatabase(ctx, what, func(db *database.DB) error { return p.withStore(ctx, db, do) })
}

// withStore opens the store of an open database for do.
func (p *program) withStore(ctx context.Context, db *database.DB, do func(s *store) error) error {
	if err := p.ensureSchema(ctx, db); err != nil {
		return err
	}
	s, err := conversation.New(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it gives back a statement
	clean := p.forgetsToo(db, s)
	err = do(s)
	if cleaned := clean(ctx); err == nil {
		err = cleaned
	}
	return err
}

// forgetsToo has whatever removes conversations take their texts out of the
// ledger too. What is still being answered, or read by a server, is left to that.
func (p *program) forgetsToo(db *database.DB, s *store) (clean func(context.Context) error) {
	ledger := inbox.NewLedger(db, outbox.Table{DB: db}, turn.Table{DB: db})
	eraser, asked := erasure.New(erasure.Options{DB: db, Ledger: ledger, Store: s, Logger: p.log}), false
	s.OnGone(func(ctx context.Context, tx database.Tx, g conversation.Gone) error {
		asked = true
		return eraser.NoteTx(ctx, tx, g)
	})
	return func(ctx context.Context) error {
		if !asked {
			return nil
		}
		return eraser.Clean(ctx)
	}
}

// ensureSchema brings the schema up to date where the configuration lets the
// program do that, as serve does.
func (p *program) ensureSchema(ctx context.Context, db *database.DB) error {
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	err = migrations.Check(ctx, db)
	if err == nil || !cfg.AI.ConversationPersistence.Migrate {
		return err
	}
	_, err = migrations.Up(ctx, db)
	return err
}

func (p *program) conversationsList() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use: "list", Short: "List all conversations, most recently active first", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			return p.onStore(ctx, "conversations list", func(s *store) error {
				if asJSON {
					return p.writeItems(ctx, s)
				}
				return p.tableOfConversations(ctx, s)
			})
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

func (p *program) conversationsShow() *cobra.Command {
	asJSON, prompt := false, false
	shown := p.onConversation("conversations show", func(ctx context.Context, s *store, id int64) error {
		if asJSON {
			return p.export(ctx, s, id)
		}
		return p.showConversation(ctx, s, id)
	})
	c := &cobra.Command{
		Use: "show ID", Short: "Show a conversation and its last messages (--json: all of them, as in export)",
		Args: cobra.ExactArgs(1), Annotations: quietly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if prompt {
				return p.work(p.showPrompt)(cmd, args)
			}
			return shown(cmd, args)
		},
	}
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&prompt, "prompt", false, "print what a model would be sent next, as JSON")
	return c
}

func (p *program) conversationsClear() *cobra.Command {
	return p.afterConsent(&cobra.Command{Use: "clear ID", Short: "Remove a conversation's messages but keep its record"},
		"Remove all messages of", "cleared", (*store).Clear)
}

func (p *program) conversationsDelete() *cobra.Command {
	return p.afterConsent(&cobra.Command{Use: "delete ID", Short: "Remove a conversation and its messages"},
		"Delete", "deleted", (*store).Delete)
}

// afterConsent makes c a command that does something to a conversation for
// good: a person is asked first, a program says --yes.
func (p *program) afterConsent(c *cobra.Command, question, done string, do func(*store, context.Context, int64) error) *cobra.Command {
	yes := false
	what := "conversations " + firstWord(c.Use)
	c.Args, c.Annotations = cobra.ExactArgs(1), quietly()
	run := p.onConversation(what, func(ctx context.Context, s *store, id int64) error {
		if !yes {
			if err := p.askAbout(ctx, s, id, question); err != nil {
				return err
			}
		}
		if err := do(s, ctx, id); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.Out, "%s conversation %d\n", done, id)
		return err
	})
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := (consent{p, what, yes}).needed(); err != nil {
			return err
		}
		return run(cmd, args)
	}
	yesFlag(c, &yes)
	return c
}

// askAbout asks on stderr whether to go on; errDeclined unless the answer is yes.
func (p *program) askAbout(ctx context.Context, s *store, id int64, question string) error {
	c, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	return p.ask(ctx, fmt.Sprintf("%s conversation %d of %s (%d messages)?", question, id, show.Line(c.UserKey, 80), c.MessageCount))
}

// onConversation makes the RunE of a command whose argument is a conversation's id.
func (p *program) onConversation(what string, do func(ctx context.Context, s *store, id int64) error) func(*cobra.Command, []string) error {
	return p.work(func(ctx context.Context, args []string) error {
		id, err := conversationID(what, args[0])
		if err != nil {
			return err
		}
		return p.onStore(ctx, what, func(s *store) error { return do(ctx, s, id) })
	})
}

func conversationID(what, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, usageError{fmt.Errorf("%s needs a conversation ID (a whole number above 0), got %q", what, arg)}
	}
	return id, nil
}

// quietly marks a command that logs no more than warnings unless it is told to.
func quietly() map[string]string { return map[string]string{quiet: "warn"} }

func jsonFlag(c *cobra.Command, asJSON *bool) {
	c.Flags().BoolVar(asJSON, "json", false, "print JSON")
}
