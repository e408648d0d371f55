package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-bot/parley/internal/setup"
)

func (p *program) setupCommand() *cobra.Command {
	var children []*cobra.Command
	for _, flow := range setup.Flows() {
		o := setup.Options{}
		c := &cobra.Command{Use: flow.Name, Short: flow.Short, Args: cobra.NoArgs, Annotations: quietly()}
		c.RunE = p.work(func(ctx context.Context, _ []string) error { return p.setUp(ctx, flow, o) })
		if flow.Moded {
			c.Flags().StringVar(&o.Mode, "mode", "", "how events arrive: `MODE` http or socket (default: http with --url, else socket)")
			c.Flags().StringVar(&o.URL, "url", "", "public address of this server, `https://HOST`")
			c.Flags().BoolVar(&o.Agent, "agent", false, "make it an agent; Slack cannot undo this")
		}
		children = append(children, c)
	}
	return group("setup", "Create a platform's app or choose a model, and store the secrets", children...)
}

// consoleCommands are what an admin pastes or ticks on a platform's own pages.
func (p *program) consoleCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, page := range setup.Pages() {
		o := setup.PageOptions{}
		c := &cobra.Command{Use: page.Name, Short: page.Short, Args: cobra.NoArgs, Annotations: quietly()}
		c.RunE = p.begin(func(context.Context, []string) error {
			text, err := page.Print(o)
			if err == nil {
				_, err = fmt.Fprintln(p.jsonOut(), strings.TrimRight(text, "\n"))
			}
			return failed(page.Platform+" "+page.Name, err)
		})
		if page.Moded {
			c.Flags().BoolVar(&o.Socket, "socket", false, "for Socket Mode, without a public address")
			c.Flags().BoolVar(&o.Agent, "agent", false, "make it an agent; Slack cannot undo this")
		}
		all = append(all, group(page.Platform, page.Of, c))
	}
	return all
}

func (p *program) setUp(ctx context.Context, flow setup.Flow, o setup.Options) error {
	if o.Mode != "" && !slices.Contains([]string{"http", "socket"}, o.Mode) {
		return usageError{fmt.Errorf("setup %s: --mode must be http or socket", flow.Name)}
	}
	in, ok := p.In.(*os.File)
	if !ok || !isTerminal(p.In) || !isTerminal(p.Out) {
		return usageError{fmt.Errorf("setup %s: needs a terminal to ask questions; without one, set the variables or keys listed in config.yaml", flow.Name)}
	}
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	o.Config, o.Terminal, o.Logger = cfg, &console{p: p, in: in, lines: bufio.NewReader(in)}, p.log
	o.Accounts = p.env("FEISHU_ACCOUNTS_URL")
	err = flow.Run(ctx, o)
	if errors.Is(err, setup.ErrUsage) {
		return usageError{err}
	}
	return failed("setup "+flow.Name, err)
}

// console is the terminal as [setup.Terminal].
type console struct {
	p     *program
	in    *os.File
	lines *bufio.Reader
}

// Say implements [setup.Terminal].
func (c *console) Say(format string, args ...any) { _, _ = fmt.Fprintf(c.p.Out, format+"\n", args...) }

// Ask implements [setup.Terminal].
func (c *console) Ask(ctx context.Context, what string) (string, error) {
	_, _ = fmt.Fprintf(c.p.Out, "%s: ", what)
	return c.read(ctx, func() (string, error) {
		line, err := c.lines.ReadString('\n')
		if line != "" {
			err = nil
		}
		return line, err
	})
}

// Secret implements [setup.Terminal].
func (c *console) Secret(ctx context.Context, what string) (string, error) {
	before, err := term.GetState(int(c.in.Fd()))
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(int(c.in.Fd()), before) }() // when the reading is left behind
	echoOff(c.in)                                               // before somebody sees that they may type
	_, _ = fmt.Fprintf(c.p.Out, "%s: ", what)
	return c.read(ctx, func() (string, error) {
		secret, err := term.ReadPassword(int(c.in.Fd()))
		_, _ = fmt.Fprintln(c.p.Out)
		return string(secret), err
	})
}

// read ends with ctx; its goroutine then stays with the terminal until the process ends.
func (c *console) read(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := read()
		done <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", io.EOF
	case r := <-done:
		return r.line, r.err
	}
}
