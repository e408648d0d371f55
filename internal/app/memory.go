package app

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/dynamo"
)

// openMemory opens what preferences, facts and scores are kept in.
func openMemory(ctx context.Context, cfg *config.Config, db *database.DB) (memory.Backend, error) {
	zone, err := time.LoadLocation(cfg.Scheduler.Timezone)
	if err != nil {
		return nil, fmt.Errorf("scheduler.timezone: %w", err)
	}
	if cfg.Memory.Backend == config.MemoryDynamoDB {
		return OpenDynamoDB(ctx, cfg, zone)
	}
	return memory.New(db).In(zone), nil
}

// OpenDynamoDB opens the configured tables. It makes no request.
func OpenDynamoDB(ctx context.Context, cfg *config.Config, zone *time.Location) (*dynamo.Store, error) {
	d := &cfg.Memory.DynamoDB
	s, err := dynamo.Open(ctx, dynamo.Options{
		Region: d.Region, Endpoint: string(d.Endpoint), TablePrefix: d.TablePrefix, Zone: zone,
	})
	if err != nil {
		return nil, fmt.Errorf("memory.dynamodb: %w", err)
	}
	return s, nil
}
