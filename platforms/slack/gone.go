package slack

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"sync"

	"github.com/slack-go/slack/slackevents"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

var _ platforms.Removable = (*Adapter)(nil)

// everywhere stands for all workspaces of an organization: there is one token.
const everywhere = ""

// removals are the workspaces that the app is gone from, and how Slack told.
type removals struct {
	mu  sync.Mutex
	why map[string]string // by workspace
}

func (r *removals) of(workspace string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.why[workspace], r.why[everywhere])
}

func (r *removals) all() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.why)
}

func (r *removals) set(workspace, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == nil || len(r.why) >= maxStreams {
		r.why = make(map[string]string)
	}
	if r.why[workspace] = why; why == "" {
		delete(r.why, workspace)
	}
}

// Removed implements [platforms.Removable].
func (a *Adapter) Removed() map[string]string { return a.removed.all() }

// removal returns how an event tells that the app can no longer act in its
// workspace, "" when it does not.
// Source: https://docs.slack.dev/reference/events/app_uninstalled and
// https://docs.slack.dev/reference/events/tokens_revoked
func (m *message) removal() string {
	switch slackevents.EventsAPIType(m.Type) {
	case slackevents.AppUninstalled, slackevents.AppUninstalledTeam, slackevents.AppDeleted:
		return "app_uninstalled"
	case slackevents.TokensRevoked:
		if len(m.Tokens.Bot) > 0 { // people's tokens are none of ours
			return "token_revoked"
		}
	default:
	}
	return ""
}

// noteRemoval switches the app off in a workspace that it is gone from, and on
// again when somebody speaks to it there.
func (a *Adapter) noteRemoval(ctx context.Context, env *envelope, e *platforms.Event, m *message) {
	why, where := m.removal(), e.Tenant
	if where == env.EnterpriseID.String() {
		where = everywhere
	}
	switch {
	case why != "":
		e.Ignore = why
		a.removed.set(where, why)
		a.log.ErrorContext(ctx, "slack removed the app from a workspace; nothing is sent there until it is installed again and its bot token is set",
			slog.String("platform", a.name), slog.String("tenant", e.Tenant), slog.String("reason", why))
	case m.spoken() && a.removed.of(e.Tenant) != "":
		a.removed.set(e.Tenant, "")
		a.removed.set(everywhere, "")
	}
}

// present fails where the app is gone from a workspace.
func (a *Adapter) present(to platforms.Address) error {
	if why := a.removed.of(to.Tenant); why != "" {
		return failure.New(failure.Permanent, why, "the Slack app is no longer in this workspace: "+why, nil)
	}
	return nil
}
