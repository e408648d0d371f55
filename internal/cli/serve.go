package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/user"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
)

func (p *program) serveCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs}
	c.Flags().StringVar(&listen, "listen", "", "`ADDRESS` to listen on, host:port (server.listen)")
	c.RunE = p.work(func(ctx context.Context, _ []string) error {
		flags := map[string]string{}
		if c.Flags().Changed("listen") {
			flags["server.listen"] = listen
		}
		return p.serve(ctx, flags)
	})
	return c
}

// serve runs the gateway until ctx ends.
func (p *program) serve(ctx context.Context, flags map[string]string) error {
	cfg, err := p.load(flags)
	if err != nil {
		return err
	}
	boundMemory()
	version, _ := p.build()
	gateway, err := app.New(ctx, cfg, app.Options{Logger: p.log, Version: version, Started: p.welcome(cfg)})
	if errors.Is(err, context.Canceled) { // stopped before it had begun
		return nil
	}
	if err != nil {
		return failed("serve", err)
	}
	return failed("serve", gateway.Run(ctx))
}

// welcome tells a person at the terminal where to go on; elsewhere nobody is told.
func (p *program) welcome(cfg *config.Config) func(signInLink string) {
	if !isTerminal(p.Out) {
		return nil
	}
	return func(link string) {
		if provider, _ := cfg.EffectiveModel(); provider == config.ProviderEcho && cfg.AI.Enabled {
			_, _ = fmt.Fprintln(p.Out, "No model is set: echo answers, and only repeats what it is told. Set OPENAI_API_KEY or OPENAI_BASE_URL to use a real one.")
		}
		_, _ = fmt.Fprintf(p.Out, "Chat page (sign-in link, valid once within ten minutes): %s\n", link)
	}
}

// easyMemory is up to where the heap may grow to twice of what is in use. What
// strangers make us hold is bounded, and garbage of it must not double that.
const easyMemory = 192 << 20

// boundMemory makes the collector work harder above easyMemory, unless the
// environment says where (GOMEMLIMIT). Nothing fails at it.
func boundMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(easyMemory)
	}
}

// openTerminal opens the pipeline for the person at this terminal.
func openTerminal(ctx context.Context, cfg *config.Config, p *program) (talker, func() error, error) {
	person := "local"
	if u, err := user.Current(); err == nil && u.Username != "" {
		person = u.Username
	}
	t, err := app.NewTerminal(ctx, cfg, p.log, person, p.locale())
	if err != nil {
		return nil, nil, err
	}
	return t, t.Close, nil
}
