package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/show"
)

func (p *program) eventsCommand() *cobra.Command {
	var status, userKey string
	var limit int
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List inbound events, newest first", Args: cobra.NoArgs,
		RunE: p.work(func(ctx context.Context, _ []string) error {
			o := inbox.ListOptions{Status: inbox.State(status), UserKey: userKey, Limit: limit}
			return p.listEvents(ctx, o, asJSON)
		}),
	}
	list.Flags().StringVar(&status, "status", "", "only events with this `STATUS`: received, running, sent, ignored, failed, dead or discarded")
	list.Flags().StringVar(&userKey, "user-key", "", "only events of this `USER_KEY`")
	list.Flags().IntVar(&limit, "limit", 50, "at most `N` events")
	show := &cobra.Command{
		Use: "show ID", Short: "Show every step of one event, by Parley's ID or the platform's (PLATFORM:ID if both exist)", Args: cobra.ExactArgs(1),
		RunE: p.work(func(ctx context.Context, args []string) error { return p.showEvent(ctx, args[0], asJSON) }),
	}
	for _, c := range []*cobra.Command{list, show} {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	}
	return group("events", "The ledger of inbound events: why was there no reply?", list, show,
		&cobra.Command{
			Use: "replay ID", Short: "Retry an event that failed, was given up or was ignored", Args: cobra.ExactArgs(1),
			RunE: p.work(func(ctx context.Context, args []string) error {
				return p.changeEvent(ctx, "events replay", args[0], (*inbox.Ledger).Replay)
			}),
		},
		&cobra.Command{
			Use: "discard ID", Short: "End an event without a reply", Args: cobra.ExactArgs(1),
			RunE: p.work(func(ctx context.Context, args []string) error {
				return p.changeEvent(ctx, "events discard", args[0], (*inbox.Ledger).Discard)
			}),
		},
	)
}

// onLedger opens the ledger for do, also beside a running server.
func (p *program) onLedger(ctx context.Context, what string, do func(b *inbox.Ledger) error) error {
	return p.onDatabase(ctx, what, func(db *database.DB) error {
		return do(inbox.NewLedger(db, outbox.Table{DB: db}, turn.Table{DB: db}))
	})
}

func (p *program) listEvents(ctx context.Context, o inbox.ListOptions, asJSON bool) error {
	if !o.Status.Known() || o.Limit < 1 {
		return usageError{errors.New("events list: --status must be received, running, sent, ignored, failed, dead or discarded; --limit must be above 0")}
	}
	return p.onLedger(ctx, "events list", func(b *inbox.Ledger) error {
		events, _, err := b.List(ctx, o)
		if err != nil {
			return err
		}
		items := make([]admin.EventItem, len(events))
		for i := range events {
			items[i] = admin.NewEventItem(&events[i])
		}
		if asJSON {
			return p.writeJSON(map[string]any{"items": items})
		}
		t := tabwriter.NewWriter(p.Out, 0, 8, 2, ' ', 0)
		_, _ = fmt.Fprintln(t, "ID\tRECEIVED\tSTATUS\tATTEMPTS\tUSER\tERROR")
		for i := range events {
			e := &events[i]
			_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%s\t%s\n", e.ID, e.ReceivedAt.Format(time.DateTime), e.State, e.Attempts,
				show.Line(e.Event.UserKey(), 0), show.Line(e.Error, 0))
		}
		return t.Flush()
	})
}

func (p *program) showEvent(ctx context.Context, ref string, asJSON bool) error {
	return p.onLedger(ctx, "events show", func(b *inbox.Ledger) error {
		e, err := b.Lookup(ctx, ref)
		if err != nil {
			return sentence(err)
		}
		item := admin.NewEventItem(&e)
		item.Steps = e.Steps
		if asJSON {
			return p.writeJSON(item)
		}
		_, _ = fmt.Fprintf(p.Out, "event %d (%s) of %s: %s\n", e.ID, show.Line(e.Event.ID, 0), show.Line(e.Event.UserKey(), 0), e.State)
		for _, s := range e.Steps {
			_, _ = fmt.Fprintf(p.Out, "%s  %-9s  %s\n", s.At.Format("2006-01-02 15:04:05.000"), s.Status, show.Line(s.Detail, 0))
		}
		if !e.NextAttemptAt.IsZero() {
			_, _ = fmt.Fprintf(p.Out, "next attempt at %s\n", e.NextAttemptAt.Format("2006-01-02 15:04:05.000"))
		}
		return nil
	})
}

func (p *program) changeEvent(ctx context.Context, what, ref string, change func(*inbox.Ledger, context.Context, int64) error) error {
	return p.onLedger(ctx, what, func(b *inbox.Ledger) error {
		e, err := b.Lookup(ctx, ref)
		if err != nil {
			return sentence(err)
		}
		if err := change(b, ctx, e.ID); err != nil {
			return sentence(err)
		}
		_, _ = fmt.Fprintln(p.Out, "event "+strconv.FormatInt(e.ID, 10)+": done")
		return nil
	})
}

// sentence cuts an error whose kind says all to what a person needs.
func sentence(err error) error {
	if kind := failure.KindOf(err); kind == failure.NotFound || kind == failure.Conflict {
		return errors.New(failure.SafeOf(err))
	}
	return err
}
