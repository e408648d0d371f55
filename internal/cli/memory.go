package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/failure"
)

func (p *program) memoryCommand() *cobra.Command {
	return group("memory", "Prepare the store for preferences, facts and scores",
		&cobra.Command{
			Use: "create-tables", Short: "Create missing DynamoDB tables and wait until they are ready", Args: cobra.NoArgs,
			RunE: p.work(p.memoryCreateTables),
		},
	)
}

// memoryCreateTables works before memory.backend is set to dynamodb too, so
// that the tables can be there first.
func (p *program) memoryCreateTables(ctx context.Context, _ []string) error {
	const what = "create tables"
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	store, err := app.OpenDynamoDB(ctx, cfg, time.UTC)
	if err != nil {
		return failed(what, err)
	}
	if err := store.CreateTables(ctx); err != nil {
		return failed(what, err)
	}
	for _, name := range store.TableNames() {
		if _, err := fmt.Fprintln(p.Out, "ready", "", name); err != nil {
			return failed(what, err)
		}
	}
	return nil
}

// checkMemory looks whether the tables are there.
func checkMemory(ctx context.Context, cfg *config.Config) finding {
	if cfg.Memory.Backend != config.MemoryDynamoDB {
		return finding{fine, "in the database", ""}
	}
	store, err := app.OpenDynamoDB(ctx, cfg, time.UTC)
	if err == nil {
		err = store.Check(ctx)
	}
	if err != nil {
		return finding{broken, "DynamoDB: " + failure.SafeOf(err), "check memory.dynamodb and the AWS_* variables, and run parley memory create-tables"}
	}
	return finding{fine, "DynamoDB: the tables are ready", ""}
}
