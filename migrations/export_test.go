package migrations

import (
	"context"

	"github.com/uptrace/bun"
)

// BoardsUp and BoardsDown run the statements of one migration.
func BoardsUp(ctx context.Context, tx bun.Tx) error   { return applyAll(ctx, tx, boards().up) }
func BoardsDown(ctx context.Context, tx bun.Tx) error { return applyAll(ctx, tx, boards().down) }

// QuarantineUp and QuarantineDown run the statements of one migration.
func QuarantineUp(ctx context.Context, tx bun.Tx) error { return applyAll(ctx, tx, quarantine().up) }

func QuarantineDown(ctx context.Context, tx bun.Tx) error {
	return applyAll(ctx, tx, quarantine().down)
}
