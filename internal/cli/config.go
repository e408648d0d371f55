package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
)

func (p *program) configCommand() *cobra.Command {
	return group("config", "Check, print or describe the configuration",
		&cobra.Command{
			Use: "check", Short: "Validate the configuration and report every error", Args: cobra.NoArgs,
			RunE: p.work(p.configCheck),
		},
		&cobra.Command{
			Use: "print", Short: "Print the effective values as YAML, secrets masked", Args: cobra.NoArgs,
			RunE: p.work(p.configPrint),
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the configuration file", Args: cobra.NoArgs,
			RunE: p.work(p.configSchema),
		},
	)
}

// configCheck writes each fault as one line to stderr, as every command does,
// and below it the line of the file with a caret to stdout.
func (p *program) configCheck(context.Context, []string) error {
	cfg, err := p.load(nil)
	if err == nil {
		err = app.CheckToken(cfg)
	}
	if faults, ok := errors.AsType[config.FaultErrors](err); ok {
		for _, fault := range faults {
			p.complain("config", fault.String())
			_, _ = fmt.Fprint(p.Out, fault.Excerpt())
		}
		return errFaulty
	}
	if err != nil {
		return failed("config", err)
	}
	for _, warning := range append(cfg.Warnings(), cfg.Changed()...) {
		_, _ = fmt.Fprintln(p.Out, "warning:", warning)
	}
	_, err = fmt.Fprintln(p.Out, "the configuration is valid")
	return failed("config", err)
}

func (p *program) configPrint(context.Context, []string) error {
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	return failed("config", cfg.Print(p.Out))
}

func (p *program) configSchema(context.Context, []string) error {
	_, err := p.Out.Write(config.Schema())
	return failed("config", err)
}
