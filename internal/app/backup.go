package app

import (
	"context"
	"slices"

	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/backup"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/migrations"
)

// OpenKeeper returns what makes backups of the configured database, which must
// be open and up to date, and of where memory is kept.
func OpenKeeper(ctx context.Context, cfg *config.Config, db *database.DB, store *conversation.PersistentConversationManager, version string) (*backup.Keeper, error) {
	mem, err := openMemory(ctx, cfg, db)
	if err != nil {
		return nil, err
	}
	return keeper(db, store, mem, usage.New(db), version), nil
}

// keeper lists what a backup holds. What is not here is either in the
// conversations' files, or of no use in another database: events and their
// replies, leases, runs of jobs, and live replicas.
func keeper(db *database.DB, store *conversation.PersistentConversationManager, mem memory.Backend, used *usage.Ledger, version string) *backup.Keeper {
	parts := slices.Concat(mem.Parts(), []database.Part{store.Tokens().Part()}, used.Parts(), budget.New(db, budget.Limits{}, 0).Parts(), access.Book{DB: db}.Parts(), pins.Book{DB: db}.Parts())
	return &backup.Keeper{Store: store, DB: db, Program: version, Schema: migrations.Newest(), Parts: parts}
}
