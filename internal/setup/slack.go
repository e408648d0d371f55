package setup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/platforms/slack"
)

const (
	modeHTTP   = "http"
	modeSocket = "socket"
)

func setupSlack(ctx context.Context, o Options) error {
	address, err := o.address()
	if err != nil {
		return err
	}
	socket := o.Mode == modeSocket || o.Mode == "" && o.URL == ""
	if !socket && address == "" {
		return fmt.Errorf("%w: --mode http needs the public address of this server: --url https://HOST, or server.public_url", ErrUsage)
	}
	agent := o.Agent || o.Config.Platforms.Slack.Agent
	manifest, err := slack.Manifest(slack.ManifestOptions{Socket: socket, Agent: agent, URL: address})
	if err != nil {
		return err
	}
	s := &slackSetup{Options: o, kept: map[string]string{"PARLEY_PLATFORMS__SLACK__AGENT": ""}}
	if agent {
		s.kept["PARLEY_PLATFORMS__SLACK__AGENT"] = "true"
	}
	created, err := s.create(ctx, manifest)
	if err != nil {
		return err
	}
	s.kept["PARLEY_PLATFORMS__SLACK__MODE"] = modeHTTP
	if socket {
		s.kept["PARLEY_PLATFORMS__SLACK__MODE"] = modeSocket
	} else if err := s.signingSecret(ctx, created); err != nil {
		return err
	}
	if err := s.tokens(ctx, socket); err != nil {
		return err
	}
	dir, err := keep(o.Config, s.kept)
	if err != nil {
		return err
	}
	o.Terminal.Say("The secrets are stored in %s.", dir)
	if socket {
		o.Terminal.Say("Next: run parley serve, then /invite @Parley in a channel, or send it a direct message.")
		return nil
	}
	o.Terminal.Say("Next: run parley serve, then press Retry on the app's Event Subscriptions page (%s), and /invite @Parley in a channel.", address)
	return nil
}

// address returns where this server is reached, "" when that is not known.
func (o Options) address() (string, error) {
	if o.URL == "" {
		return strings.TrimRight(string(o.Config.Server.PublicURL), "/"), nil
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%w: --url must be an address such as https://chat.example.com", ErrUsage)
	}
	return strings.TrimRight(o.URL, "/"), nil
}

type slackSetup struct {
	Options

	kept map[string]string // by the names of their variables
}

// create has the app created, or shows where to create it. The configuration
// token is not kept.
func (s *slackSetup) create(ctx context.Context, manifest []byte) (created slack.Created, err error) {
	s.Terminal.Say("A configuration token creates the app for you: api.slack.com/apps > Your App Configuration Tokens > Generate Token.")
	_, err = s.untilGood(ctx, "configuration token", "It is valid for twelve hours. Generate a new one, or leave it empty.", s.Terminal.Secret, func(token string) error {
		if token == "" {
			return nil
		}
		a, err := s.adapter("")
		if err == nil {
			created, err = a.Create(ctx, manifest, token)
		}
		return err
	})
	switch {
	case err != nil:
		return created, err
	case created.AppID == "":
		s.Terminal.Say("Open this link, which contains the manifest, create the app, and install it in your workspace:")
		s.Terminal.Say("%s", slack.ManifestLink(manifest))
	default:
		s.Terminal.Say("App %s has been created. Install it in your workspace: %s", created.AppID, installAt(created))
	}
	return created, nil
}

func installAt(c slack.Created) string {
	if c.InstallURL != "" {
		return c.InstallURL
	}
	return "https://api.slack.com/apps/" + url.PathEscape(c.AppID) + "/install-on-team"
}

// adapter speaks to Slack with a bot token.
func (s *slackSetup) adapter(token string) (*slack.Adapter, error) {
	return slack.New(slack.Options{SigningSecret: "unused", BotToken: token, APIURL: string(s.Config.Platforms.Slack.APIURL), Logger: s.Logger})
}

func (s *slackSetup) signingSecret(ctx context.Context, created slack.Created) (err error) {
	secret := created.SigningSecret
	if secret == "" {
		s.Terminal.Say("Basic Information > App Credentials:")
		secret, err = s.untilGood(ctx, "signing secret", "It is on Basic Information > App Credentials.", s.Terminal.Secret, func(secret string) error {
			switch {
			case secret == "":
				return errEmpty
			case config.SlackTokenKind(config.Secret(secret)) != "":
				return errors.New("that is " + config.SlackTokenKind(config.Secret(secret)))
			}
			return nil
		})
	}
	s.kept["SLACK_SIGNING_SECRET"] = secret
	return err
}

// botTokenForm reports what is plainly no bot token.
func botTokenForm(token string) error {
	switch kind := config.SlackTokenKind(config.Secret(token)); {
	case token == "":
		return errEmpty
	case kind != "" && !strings.HasPrefix(token, "xoxb-") && !strings.HasPrefix(token, "xoxe.xoxb-"):
		return errors.New("that is " + kind)
	}
	return nil
}

// tokens asks for the tokens and tries each.
func (s *slackSetup) tokens(ctx context.Context, socket bool) (err error) {
	s.Terminal.Say("OAuth & Permissions > Bot User OAuth Token (xoxb-…), shown after the app is installed:")
	s.kept["SLACK_BOT_TOKEN"], err = s.untilGood(ctx, "bot token", "It is on OAuth & Permissions (xoxb-…).", s.Terminal.Secret, func(token string) error {
		if err := botTokenForm(token); err != nil {
			return err
		}
		a, err := s.adapter(token)
		if err != nil {
			return err
		}
		is := a.Check(ctx)
		for _, doubt := range is.Doubts {
			s.Terminal.Say("Note: %s; %s.", doubt.Problem, doubt.Remedy)
		}
		if err := is.Err(); err != nil {
			return err
		}
		s.Terminal.Say("Signed in as %s.", is.Bot)
		return nil
	})
	if err != nil || !socket {
		return err
	}
	s.Terminal.Say("Basic Information > App-Level Tokens > Generate, with the scope connections:write (xapp-…):")
	s.kept["SLACK_APP_TOKEN"], err = s.untilGood(ctx, "app token", "Generate one with the scope connections:write on Basic Information > App-Level Tokens (xapp-…).", s.Terminal.Secret, func(token string) error {
		if token == "" {
			return errEmpty
		}
		if !strings.HasPrefix(token, "xapp-") {
			return errors.New("that is not an app-level token")
		}
		a, err := s.adapter(s.kept["SLACK_BOT_TOKEN"])
		if err != nil {
			return err
		}
		return slack.NewSocket(a, token).Probe(ctx)
	})
	return err
}
