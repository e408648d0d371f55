package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/show"
)

func (p *program) toolsCommand() *cobra.Command {
	asJSON := false
	list := &cobra.Command{
		Use: "list", Short: "List the tools that servers offer, and which of them are off", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.onTools("tools list", func(ctx context.Context, b pins.Book, _ string) error { return p.listTools(ctx, b, asJSON) }),
	}
	jsonFlag(list, &asJSON)
	return group("tools", "Manage which tools of the servers in ai.tools.mcp models may use", list,
		&cobra.Command{
			Use: "approve NAME", Short: "Let models use a tool as its server describes it now", Args: cobra.ExactArgs(1), Annotations: quietly(),
			RunE: p.onTools("tools approve", func(ctx context.Context, b pins.Book, name string) error {
				tool, err := b.Approve(ctx, name)
				if err == nil {
					_, err = fmt.Fprintf(p.Out, "approved %s: %s\n", show.Line(tool.Name, maxName), show.Line(tool.Description, maxDescription))
				}
				return err
			}),
		},
	)
}

// maxDescription is how much of what a tool says of itself stands in a line.
const maxDescription = 500

func (p *program) onTools(what string, do func(ctx context.Context, b pins.Book, arg string) error) func(*cobra.Command, []string) error {
	return p.onTable(what, func(ctx context.Context, db *database.DB, arg string) error { return do(ctx, pins.Book{DB: db}, arg) })
}

func (p *program) listTools(ctx context.Context, b pins.Book, asJSON bool) error {
	tools, err := b.List(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.writeJSON(map[string]any{"items": tools})
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tSTATE\tDESCRIPTION")
	for i := range tools {
		t := &tools[i]
		says := t.Description
		if t.State != pins.Approved {
			says = t.Offered
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", show.Line(t.Name, maxName), t.State, show.Line(says, maxDescription))
	}
	return w.Flush()
}
