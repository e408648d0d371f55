package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/show"
)

// Streams connect the program to whoever started it.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Interrupts delivers Ctrl-C. Nil: never.
	Interrupts <-chan os.Signal
}

// program is one run of the command line.
type program struct {
	// Streams let nothing through that would steer the terminal.
	Streams
	version string
	environ []string
	flags   struct{ config, logLevel, logFormat string }
	log     *slog.Logger
	// started says that flags and arguments were understood: errors from here
	// on are not about usage.
	started bool
}

// Run runs parley with args, which do not hold the program's own name, and
// returns the exit code. version is shown as it is; "" means the one of the
// build. A cancelled ctx, and Ctrl-C, end the work in an orderly way.
func Run(ctx context.Context, version string, s Streams, args, environ []string) (code int) {
	s.Out, s.Err = show.NewWriter(s.Out), show.NewWriter(s.Err)
	p := &program{Streams: s, version: version, environ: environ, log: slog.New(slog.DiscardHandler)}
	defer func() {
		if r := recover(); r != nil {
			p.log.DebugContext(ctx, "panic", slog.Any("value", r), slog.String("stack", string(debug.Stack())))
			p.complain("internal error", fmt.Sprint(r))
			code = exitFailed
		}
	}()
	root := p.root()
	root.SetArgs(args)
	return p.report(root.ExecuteContext(ctx))
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "parley",
		Short:         "A chat gateway that answers every message exactly once",
		SilenceErrors: true, // report writes them, one line each
		SilenceUsage:  true,
	}
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := root.PersistentFlags()
	f.StringVar(&p.flags.config, "config", "", "configuration `FILE` (default config.yaml in the working directory when it exists)")
	f.StringVar(&p.flags.logLevel, "log-level", "info", "log level: debug, info, warn or error")
	f.StringVar(&p.flags.logFormat, "log-format", "", "log format: text or json (default text on a terminal, else json)")
	root.AddCommand(p.commands()...)
	return root
}

// quiet is the annotation of a command whose log level is another one by default.
const quiet = "log-level"

// group is a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	c.RunE = func(*cobra.Command, []string) error {
		names := make([]string, len(children))
		for i, child := range children {
			names[i] = child.Name()
		}
		return usageError{fmt.Errorf("parley %s needs a subcommand: %s", use, strings.Join(names, ", "))}
	}
	c.AddCommand(children...)
	return c
}

// body is what a command does once flags and arguments are understood.
type body func(ctx context.Context, args []string) error

// work makes the RunE of a command that the first Ctrl-C ends in an orderly
// way; the second one kills the process.
func (p *program) work(do body) func(*cobra.Command, []string) error {
	return p.begin(func(ctx context.Context, args []string) error {
		ctx, cancel := context.WithCancel(ctx)
		var watch sync.WaitGroup
		defer func() {
			cancel()
			watch.Wait()
		}()
		watch.Go(func() {
			select {
			case <-ctx.Done():
			case <-p.Interrupts:
				signal.Reset(os.Interrupt)
				cancel()
			}
		})
		return do(ctx, args)
	})
}

// begin makes the RunE of a command.
func (p *program) begin(do body) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if level := cmd.Annotations[quiet]; level != "" && !cmd.Flags().Changed("log-level") {
			p.flags.logLevel = level
		}
		log, err := p.logger()
		if err != nil {
			return err
		}
		p.log, p.started = log, true
		return do(cmd.Context(), args)
	}
}

// load reads the configuration; flags are values by dotted key.
func (p *program) load(flags map[string]string) (*config.Config, error) {
	return config.Load(config.LoadOptions{Path: p.flags.config, Environ: p.environ, Args: flags})
}
