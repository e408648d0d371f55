package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// errDeclined is the end of a command whose question was not answered with yes.
var errDeclined = errors.New("not confirmed; nothing was changed")

// consent is what a command that destroys something needs: a person is asked
// first, a program says --yes.
type consent struct {
	p    *program
	what string // the command
	yes  bool
}

func yesFlag(c *cobra.Command, yes *bool) {
	c.Flags().BoolVar(yes, "yes", false, "do not ask for confirmation")
}

// needed is bad usage where nobody can be asked and nobody said --yes.
func (c consent) needed() error {
	if c.yes || c.canAsk() {
		return nil
	}
	return usageError{fmt.Errorf("%s requires --yes when not run in a terminal", c.what)}
}

func (c consent) canAsk() bool { return isTerminal(c.p.In) && isTerminal(c.p.Err) }

// get says what will be lost and asks whether to go on; errDeclined unless the
// answer is yes. Where nobody is asked it is a line of what the command writes.
func (c consent) get(ctx context.Context, loss string) error {
	if !c.yes && c.canAsk() {
		return c.p.ask(ctx, upperFirst(loss)+". Continue?")
	}
	_, err := fmt.Fprintln(c.p.Out, loss)
	return err
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// ask writes question to stderr and reads the answer; errDeclined unless it is yes.
func (p *program) ask(ctx context.Context, question string) error {
	if _, err := fmt.Fprint(p.Err, question+" [y/N] "); err != nil {
		return err
	}
	answer, err := plain{in: bufio.NewReader(p.In)}.ReadLine(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

// number is n and what it counts: "1 message", "2 messages".
func number(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
