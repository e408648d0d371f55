package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/app"
)

// tokenCommand prints what opens the pages and the API.
func (p *program) tokenCommand() *cobra.Command {
	var link bool
	c := &cobra.Command{Use: "token", Short: "Print the admin token or a sign-in link", Args: cobra.NoArgs}
	c.Flags().BoolVar(&link, "link", false, "print a sign-in link for the chat page instead, valid once within ten minutes")
	c.RunE = p.work(func(context.Context, []string) error {
		cfg, err := p.load(nil)
		if err != nil {
			return err
		}
		shown, _, err := app.AdminToken(cfg)
		if err == nil && link {
			shown, err = app.SignInLink(cfg, shown, cfg.Server.Listen)
		}
		if err == nil {
			_, err = fmt.Fprintln(p.Out, shown)
		}
		return failed("token", err)
	})
	return c
}
