package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/generic"
	"github.com/parley-bot/parley/platforms/slack"
)

// vendor is a kind of platform and how its apps are made.
type vendor struct {
	name string // of its first app, and before the dot in the names of further ones; "" where each has its own
	apps func(*config.Config, tools) ([]chatApp, error)
	// shared says that organizations share its channels.
	shared bool
}

// tools are what adapters are made with.
type tools struct {
	client *http.Client
	log    *slog.Logger
}

// chatApp is one app of a platform that is switched on.
type chatApp struct {
	name    string // its platform in events, user keys and counts
	adapter platforms.Adapter
	// mute says that there is no token to answer with yet: only the challenge of
	// the platform's console is answered.
	mute bool
	// settle is how long after the start of a send whose outcome is unknown the
	// platform may still take it; 0: it need not be waited for.
	settle time.Duration
	// source delivers events without a public address, in the mode of that name;
	// nil where they come as webhooks.
	source platforms.Source
	mode   string
	// program is the adapter of a program, which is spoken to in a way of its own;
	// nil for a chat platform.
	program web.Source
}

// registry lists the platforms that there are: this is the one place that knows
// them all.
func registry() []vendor {
	return []vendor{
		{name: slack.Platform, apps: slackApps, shared: true},
		{name: feishu.Platform, apps: feishuApps},
		{apps: genericSources},
	}
}

func slackApps(cfg *config.Config, t tools) ([]chatApp, error) {
	var list []chatApp
	for _, app := range cfg.SlackApps() {
		s := app.Settings
		a, err := slack.New(slack.Options{
			Name: app.Platform, SigningSecret: s.SigningSecret.Reveal(), BotToken: s.BotToken.Reveal(), APIURL: string(s.APIURL),
			Stream: slack.Mode(s.Stream), Agent: s.Agent, HTTPClient: t.client, Logger: t.log,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", app.Platform, err)
		}
		one := chatApp{name: app.Platform, adapter: a, settle: slack.SendTimeout + 2*time.Second, mute: !a.CanAnswer()}
		if s.Listens() {
			one.source, one.mode = slack.NewSocket(a, s.AppToken.Reveal()), "socket"
		}
		list = append(list, one)
	}
	return list, nil
}

func feishuApps(cfg *config.Config, t tools) ([]chatApp, error) {
	var list []chatApp
	for _, app := range cfg.FeishuApps() {
		f := app.Settings
		a, err := feishu.New(feishu.Options{
			Name: app.Platform, AppID: f.AppID, AppSecret: f.AppSecret.Reveal(), EncryptKey: f.EncryptKey.Reveal(),
			VerificationToken: f.VerificationToken.Reveal(), BaseURL: string(f.BaseURL), Stream: feishu.Mode(f.Stream),
			HTTPClient: t.client, Logger: t.log,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", app.Platform, err)
		}
		one := chatApp{name: app.Platform, adapter: a}
		if f.Listens() {
			one.source, one.mode = feishu.NewSocket(a), "websocket"
		}
		list = append(list, one)
	}
	return list, nil
}

func genericSources(cfg *config.Config, t tools) ([]chatApp, error) {
	var list []chatApp
	for _, s := range cfg.Sources() {
		a, err := generic.New(generic.Options{
			Name: s.Name, Secret: s.Secret.Reveal(), Token: s.Token.Reveal(), CallbackURL: string(s.CallbackURL), HTTPClient: t.client, Logger: t.log,
		})
		if err != nil {
			return nil, err
		}
		list = append(list, chatApp{name: s.Name, adapter: a, program: a})
	}
	return list, nil
}

// sharesChannels reports whether organizations share channels on a platform.
func sharesChannels(platform string) bool {
	name, _, _ := strings.Cut(platform, ".")
	return slices.ContainsFunc(registry(), func(v vendor) bool { return v.shared && v.name == name })
}
