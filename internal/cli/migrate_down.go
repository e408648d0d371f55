package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/replicas"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/scheduler"
)

// down is what migrate down was asked for.
type down struct {
	to       int
	noBackup bool
	consent  consent
}

func (p *program) migrateDown() *cobra.Command {
	d := down{consent: consent{p: p, what: "migrate down"}}
	c := &cobra.Command{
		Use: "down", Short: "Undo migrations, including the data in their tables, after a complete backup", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			if d.to < 0 {
				return usageError{fmt.Errorf("--to must be the number of a migration or 0, got %d", d.to)}
			}
			if err := d.consent.needed(); err != nil {
				return err
			}
			return p.onDatabase(ctx, "migrate down", func(db *database.DB) error { return p.down(ctx, db, d) })
		}),
	}
	c.Flags().IntVar(&d.to, "to", 0, "number `N` of the last migration to keep; 0 = none")
	c.Flags().BoolVar(&d.noBackup, "no-backup", false, "do not take a backup first")
	yesFlag(c, &d.consent.yes)
	required(c, "to")
	return c
}

func (p *program) down(ctx context.Context, db *database.DB, d down) error {
	release, err := db.LockFile() // no server starts meanwhile
	if err != nil {
		return err
	}
	defer release()
	if err := replicas.Refuse(ctx, db); err != nil {
		return err
	}
	lost, err := migrations.Lost(ctx, db, d.to)
	if err != nil {
		return err
	}
	if len(lost.Migrations) == 0 {
		return p.list("undone", nil)
	}
	if err := d.consent.get(ctx, lossOfDown(lost)); err != nil {
		return err
	}
	if !d.noBackup {
		if err := p.backupBefore(ctx, db); err != nil {
			return err
		}
	}
	undone, err := migrations.Down(ctx, db, d.to)
	if told := p.list("undone", undone); err == nil {
		err = told
	}
	return err
}

func lossOfDown(lost migrations.Loss) string {
	tables := make([]string, len(lost.Tables))
	for i, t := range lost.Tables {
		tables[i] = fmt.Sprintf("%s (%d)", t.Table, t.Rows)
	}
	what := "undoes " + number(int64(len(lost.Migrations)), "migration")
	if len(tables) == 0 {
		return what + " and loses no rows"
	}
	return what + " and loses " + strings.Join(tables, ", ")
}

// backupBefore takes a whole backup and names its folder.
func (p *program) backupBefore(ctx context.Context, db *database.DB) error {
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	dir := cfg.Scheduler.BackupDir
	if dir == "" {
		return errors.New("scheduler.backup_dir is empty; set it to a directory, or use --no-backup")
	}
	if err := migrations.Check(ctx, db); err != nil {
		return fmt.Errorf("a backup needs the schema of this version: %w; or use --no-backup", err)
	}
	return p.withStore(ctx, db, func(s *store) error {
		k, err := p.keeper(ctx, db, s)
		if err != nil {
			return err
		}
		n, folder, err := scheduler.BackupIn(ctx, k, dir, db.Now())
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return p.counted(nil, "wrote", int64(n), " to "+folder)
	})
}
