package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/migrations"
)

func (p *program) migrateCommand() *cobra.Command {
	return group("migrate", "Update the database schema, show its state, or undo migrations",
		&cobra.Command{
			Use: "up", Short: "Apply all pending migrations", Args: cobra.NoArgs,
			RunE: p.work(p.migrateUp),
		},
		&cobra.Command{
			Use: "status", Short: "List migrations and whether they are applied", Args: cobra.NoArgs,
			RunE: p.work(p.migrateStatus),
		},
		p.migrateDown(),
	)
}

// onDatabase opens the configured database for do.
func (p *program) onDatabase(ctx context.Context, what string, do func(db *database.DB) error) (err error) {
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	if !cfg.AI.ConversationPersistence.Enabled {
		return failed(what, errors.New("ai.conversation_persistence.enabled is false: there is no database to work on"))
	}
	db, err := openDatabase(ctx, cfg, p)
	if err != nil {
		return failed(what, err)
	}
	defer func() {
		if closed := db.Close(); err == nil {
			err = failed(what, closed)
		}
	}()
	return failed(what, do(db))
}

func openDatabase(ctx context.Context, cfg *config.Config, p *program) (*database.DB, error) {
	o := cfg.AI.ConversationPersistence
	return database.Open(ctx, database.Options{URL: string(o.DBURL), DataDir: o.DataDir, Echo: o.Echo, Logger: p.log})
}

func (p *program) migrateUp(ctx context.Context, _ []string) error {
	return p.onDatabase(ctx, "migrate up", func(db *database.DB) error {
		applied, err := migrations.Up(ctx, db)
		if err != nil {
			return err
		}
		return p.list("applied", applied)
	})
}

func (p *program) migrateStatus(ctx context.Context, _ []string) error {
	return p.onDatabase(ctx, "migrate status", func(db *database.DB) error {
		all, err := migrations.List(ctx, db)
		for _, one := range all {
			state := "pending"
			if one.Applied {
				state = "applied"
			}
			if _, err := fmt.Fprintf(p.Out, "%s  %s_%s\n", state, one.Name, one.Comment); err != nil {
				return err
			}
		}
		return err
	})
}

// list writes what was done to each of names.
func (p *program) list(done string, names []string) error {
	if len(names) == 0 {
		_, err := fmt.Fprintln(p.Out, "nothing to do")
		return err
	}
	for _, name := range names {
		if _, err := fmt.Fprintln(p.Out, done, "", name); err != nil {
			return err
		}
	}
	return nil
}
