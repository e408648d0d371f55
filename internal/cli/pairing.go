package cli

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/show"
)

func (p *program) pairingCommand() *cobra.Command {
	asJSON := false
	list := &cobra.Command{
		Use: "list", Short: "List paired people and codes waiting for approval", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.onPairings("pairing list", func(ctx context.Context, b access.Book, _ string) error {
			return p.listPairings(ctx, b, asJSON)
		}),
	}
	jsonFlag(list, &asJSON)
	return group("pairing", "Manage who is let in when access.mode is pairing", list,
		&cobra.Command{
			Use: "approve CODE", Short: "Let in the person who received this code", Args: cobra.ExactArgs(1), Annotations: quietly(),
			RunE: p.onPairings("pairing approve", func(ctx context.Context, b access.Book, code string) error {
				pair, err := b.Approve(ctx, code)
				if err == nil {
					_, err = fmt.Fprintf(p.Out, "approved %s (%d)\n", person(&pair), pair.ID)
				}
				return err
			}),
		},
		&cobra.Command{
			Use: "revoke ID", Short: "Revoke a person's access, or a code", Args: cobra.ExactArgs(1), Annotations: quietly(),
			RunE: p.onPairings("pairing revoke", func(ctx context.Context, b access.Book, text string) error {
				id, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return usageError{fmt.Errorf("pairing revoke: %q is not an ID; parley pairing list shows them", text)}
				}
				if err := b.Revoke(ctx, id); err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.Out, "revoked %d\n", id)
				return err
			}),
		},
	)
}

func (p *program) onPairings(what string, do func(ctx context.Context, b access.Book, arg string) error) func(*cobra.Command, []string) error {
	return p.onTable(what, func(ctx context.Context, db *database.DB, arg string) error { return do(ctx, access.Book{DB: db}, arg) })
}

// onTable makes the RunE of a command with at most one argument that reads and
// changes a table, also beside a running server.
func (p *program) onTable(what string, do func(ctx context.Context, db *database.DB, arg string) error) func(*cobra.Command, []string) error {
	return p.work(func(ctx context.Context, args []string) error {
		arg := ""
		if len(args) > 0 {
			arg = args[0]
		}
		return p.onDatabase(ctx, what, func(db *database.DB) error {
			if err := p.ensureSchema(ctx, db); err != nil {
				return err
			}
			return do(ctx, db, arg)
		})
	})
}

func (p *program) listPairings(ctx context.Context, b access.Book, asJSON bool) error {
	pairs, err := b.List(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.writeJSON(map[string]any{"items": pairs})
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tCODE\tPLATFORM\tTENANT\tPERSON\tSTATE")
	for i := range pairs {
		pair := &pairs[i]
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", pair.ID, pair.Code, pair.Platform, pair.Tenant, person(pair), pair.State)
	}
	return w.Flush()
}

const maxName = 120

// person names somebody on one line.
func person(p *access.Pair) string {
	if p.Name == "" {
		return show.Line(p.UserID, maxName)
	}
	return show.Line(p.Name+" ("+p.UserID+")", maxName)
}
