package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/slack"
)

// Terminal is where somebody sits.
type Terminal interface {
	// Ask shows what is asked for and returns a line, without its end; io.EOF when
	// there is none.
	Ask(ctx context.Context, what string) (string, error)
	// Secret is Ask without showing what is typed.
	Secret(ctx context.Context, what string) (string, error)
	// Say writes a line.
	Say(format string, args ...any)
}

// Options are what a setup works with.
type Options struct {
	Config   *config.Config
	Terminal Terminal
	Accounts string // where Feishu's accounts are; "" = the real ones
	Mode     string // how Slack's events arrive: http, socket or "" = by URL
	URL      string // of this server; "" = server.public_url
	Agent    bool   // the Slack app is one of Slack's agents
	Logger   *slog.Logger
}

// Flow sets one thing up.
type Flow struct {
	Name, Short string
	Run         func(ctx context.Context, o Options) error
	// Moded says that it has a mode and an address.
	Moded bool
}

// Flows returns what can be set up.
func Flows() []Flow {
	return []Flow{
		{Name: slack.Platform, Short: "Create the Slack app and store its secrets", Run: setupSlack, Moded: true},
		{Name: feishu.Platform, Short: "Create the Feishu or Lark app with a QR code and store its secrets", Run: setupFeishu},
		{Name: "model", Short: "Choose the model, try it once, and store its key", Run: setupModel},
	}
}

// ErrUsage is for options that do not go together.
var ErrUsage = errors.New("setup")

// clean takes from a pasted secret what nobody sees.
func clean(text string) string { return strings.Trim(text, " \t\r\n\u00a0\ufeff") }

// untilGood asks until what is said is good; why it is not, and what to do, is shown.
func (o Options) untilGood(ctx context.Context, what, remedy string, ask func(context.Context, string) (string, error), try func(string) error) (string, error) {
	for {
		text, err := ask(ctx, what)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		text = clean(text)
		err = try(text)
		if err == nil {
			return text, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		o.Terminal.Say("The %s was not accepted: %s. %s", what, strings.TrimRight(err.Error(), "."), remedy)
	}
}

var errEmpty = errors.New("it is empty")
