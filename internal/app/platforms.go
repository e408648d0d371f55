package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/generic"
	"github.com/parley-bot/parley/platforms/slack"
)

// platformSet holds the adapters that are switched on.
type platformSet struct {
	slack   *slack.Adapter
	feishu  *feishu.Adapter
	generic map[string]*generic.Adapter
	log     *slog.Logger

	cancel context.CancelFunc
	asking sync.WaitGroup
}

// sendTimeout bounds one call to a platform whatever the adapter asks for.
const sendTimeout = 15 * time.Second

func newPlatforms(cfg *config.Config, timeout time.Duration, log *slog.Logger) (*platformSet, error) {
	set := &platformSet{generic: map[string]*generic.Adapter{}, log: log}
	client := httpClient(timeout)
	var err error
	if s := &cfg.Platforms.Slack; cfg.SlackOn() {
		set.slack, err = slack.New(slack.Options{
			SigningSecret: s.SigningSecret.Reveal(), BotToken: s.BotToken.Reveal(), APIURL: string(s.APIURL),
			HTTPClient: client, Logger: log,
		})
		if err != nil {
			return nil, fmt.Errorf("slack: %w", err)
		}
	}
	if f := &cfg.Platforms.Feishu; cfg.FeishuOn() {
		set.feishu, err = feishu.New(feishu.Options{
			AppID: f.AppID, AppSecret: f.AppSecret.Reveal(), EncryptKey: f.EncryptKey.Reveal(),
			VerificationToken: f.VerificationToken.Reveal(), BaseURL: string(f.BaseURL),
			HTTPClient: client, Logger: log,
		})
		if err != nil {
			return nil, fmt.Errorf("feishu: %w", err)
		}
	}
	for _, s := range cfg.Sources() {
		set.generic[s.Name], err = generic.New(generic.Options{
			Name: s.Name, Secret: s.Secret.Reveal(), Token: s.Token.Reveal(), CallbackURL: string(s.CallbackURL), HTTPClient: client, Logger: log,
		})
		if err != nil {
			return nil, err
		}
	}
	return set, nil
}

// sharesChannels reports whether organizations share channels on a platform.
func sharesChannels(platform string) bool {
	name, _, _ := strings.Cut(platform, ".")
	return name == slack.Platform
}

// start asks the platforms in the background who the bot is, so that it knows
// when it is meant. Nothing waits for the answer.
func (p *platformSet) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if p.slack != nil {
		p.asking.Go(func() {
			if _, _, err := p.slack.AuthTest(ctx); err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "slack does not answer for this token", slog.Any("error", err))
			}
		})
	}
	if p.feishu != nil {
		p.asking.Go(func() {
			if err := p.feishu.Start(ctx); err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "feishu does not answer for this app", slog.Any("error", err))
			}
		})
	}
}

func (p *platformSet) stop() {
	if p.cancel != nil {
		p.cancel()
	}
	p.asking.Wait()
}

func (p *platformSet) names() []string { return slices.Sorted(maps.Keys(p.senders())) }

// senders returns who shows replies, by platform.
func (p *platformSet) senders() map[string]platforms.Sender {
	all := map[string]platforms.Sender{"web": silent{}}
	if p.slack != nil {
		all["slack"] = p.slack
	}
	if p.feishu != nil {
		all["feishu"] = p.feishu
	}
	for name, a := range p.generic {
		all[name] = a
	}
	return all
}

// slackReceiver returns a nil interface when Slack is off.
func (p *platformSet) slackReceiver() platforms.Receiver {
	if p.slack == nil {
		return nil
	}
	return p.slack
}

// feishuReceiver returns a nil interface when Feishu is off.
func (p *platformSet) feishuReceiver() platforms.Receiver {
	if p.feishu == nil {
		return nil
	}
	return p.feishu
}

func (p *platformSet) sources() map[string]web.Source {
	all := map[string]web.Source{}
	for name, a := range p.generic {
		all[name] = a
	}
	return all
}
