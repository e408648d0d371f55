package outbox

import (
	"context"
	"log/slog"
	"strings"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// isRefused reports whether err means that the platform takes no such file and
// shows nothing of it. Of one whose earlier send may have been taken that
// cannot be said.
func (p *part) isRefused(err error) bool {
	return p.file != "" && !p.doubt && failure.KindOf(err) == failure.Permanent
}

// fallBack makes a reply whose file was refused one of messages, in one
// commit: from there on nobody sends the file, and the text is sent like any
// other. It returns the parts that are still to be shown.
func (b *Outbox) fallBack(ctx context.Context, d *Delivery, file *part, refusal error) ([]*part, error) {
	b.o.Logger.WarnContext(ctx, "the platform refused a file; its text is shown instead", slog.String("platform", d.Platform),
		slog.Int64("event", d.ID), slog.String("code", failure.CodeOf(refusal)), slog.Any("error", refusal))
	parts := b.split(d, strings.TrimSuffix(file.key, partKey("", file.n)), file.n+1)
	if len(parts) == 0 {
		return nil, refusal
	}
	parts[0].state = sending
	taken := false
	err := b.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx database.Tx) error {
		// Whoever took the lane over meanwhile may have shown the file.
		n, err := b.db.Exec(ctx, tx, "DELETE FROM delivery_parts WHERE delivery_id = ? AND n = ? AND state = ?", d.ID, file.n, string(sending))
		if taken = err == nil && n == 0; taken || err != nil {
			return err
		}
		now, err := b.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		return b.insertParts(ctx, tx, d.ID, parts, now)
	})
	switch {
	case err != nil:
		return nil, err
	case taken:
		return nil, refusal
	}
	d.parts = parts
	return d.unsent(), nil
}
