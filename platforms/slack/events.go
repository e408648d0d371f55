package slack

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/slack-go/slack/slackevents"

	"github.com/parley-bot/parley/platforms"
)

// envelope is what every Events API request has around its event. The SDK's
// parser refuses a whole message for one block it does not know, and a refused
// message is sent again and never answered; so only what is needed is read.
// Source: https://docs.slack.dev/apis/events-api/#callback-field
type envelope struct {
	Type           word            `json:"type"`
	Challenge      word            `json:"challenge"`
	TeamID         word            `json:"team_id"`
	ContextTeamID  word            `json:"context_team_id"`
	EnterpriseID   word            `json:"enterprise_id"`
	APIAppID       word            `json:"api_app_id"`
	EventID        word            `json:"event_id"`
	Event          message         `json:"event"`
	Authorizations []authorization `json:"authorizations"`
	// ExtShared says whether several organizations share the channel; nil: it is not said.
	ExtShared *boolean `json:"is_ext_shared_channel"`
}

// authorization is an installation that the event is for.
type authorization struct {
	TeamID word    `json:"team_id"`
	UserID word    `json:"user_id"`
	IsBot  boolean `json:"is_bot"`
}

// readEnvelope reads a request of the Events API.
func (a *Adapter) readEnvelope(ctx context.Context, body []byte, now time.Time) (platforms.Inbound, error) {
	var env envelope
	if err := lenient.Decode(body, &env); err != nil {
		return platforms.Inbound{}, invalidBody(err)
	}
	switch {
	case env.Type == slackevents.URLVerification && env.Challenge != "":
		return platforms.Inbound{Answer: platforms.Answer{
			ContentType: "text/plain; charset=utf-8", Body: []byte(env.Challenge),
		}}, nil
	case env.Type == slackevents.AppRateLimited:
		a.log.WarnContext(ctx, "slack holds back events because the app gets more than 30,000 an hour", slog.String("team", env.TeamID.String()))
		return platforms.Inbound{}, nil
	case env.Type == "" || env.EventID == "":
		return platforms.Inbound{}, invalidBody(nil)
	}
	return platforms.Inbound{Events: []platforms.Event{a.event(ctx, &env, now)}}, nil
}

// event reads what happened. What cannot be understood is an event all the
// same, with the reason why it is not answered.
func (a *Adapter) event(ctx context.Context, env *envelope, now time.Time) platforms.Event {
	m := &env.Event // empty where there is none
	bots := a.bots(env)
	e := platforms.Event{
		Platform: a.name, Tenant: env.tenant(), FormerTenant: env.formerTenant(), App: env.APIAppID.String(),
		ID: env.EventID.String(), Kind: platforms.KindMessage, ChatType: m.chatType(),
		ChatID:   cmp.Or(m.channel(), env.tenant(), env.APIAppID.String(), "unknown"),
		SenderID: m.User.String(), SentAt: m.sentAt(now), Ignore: m.ignore(bots), Guest: env.guest(m),
	}
	if env.Type != slackevents.CallbackEvent {
		e.Ignore = platforms.Unsupported + "request " + platforms.ShortName(env.Type.String())
		return e
	}
	switch gone := m.gone(); {
	case gone != "":
		e.Retracts, e.Ignore = m.channel()+":"+gone, "message taken back"
		e.SenderID, e.ThreadID = m.Previous.User.String(), m.Previous.ThreadTS.ts()
	case m.Type == word(slackevents.AgentSessionStopped):
		a.stopped(&e, m)
	case m.Type == word(slackevents.AppHomeOpened):
		a.opened(&e, m)
	case m.spoken():
		m.fill(&e, bots)
		a.contain(&e, m)
	}
	a.noteView(env, &e, m, now)
	a.noteRemoval(ctx, env, &e, m)
	return e
}

// tenant is the workspace that the bot acts in. In a channel that several
// organizations share, team_id is the workspace of who made the channel.
// Source: https://docs.slack.dev/apis/slack-connect/
func (env *envelope) tenant() string {
	var installed word
	if len(env.Authorizations) > 0 {
		installed = env.Authorizations[0].TeamID
	}
	return cmp.Or(installed, env.ContextTeamID, env.TeamID, env.EnterpriseID).String()
}

// guest is the sender's organization where that is another one than the bot's.
// Members of other workspaces of our own organization write in channels that are
// not shared with another.
// Source: https://docs.slack.dev/apis/slack-connect/
func (env *envelope) guest(m *message) string {
	home, enterprise := cmp.Or(m.UserTeam, m.SourceTeam).String(), env.EnterpriseID.String()
	if home == env.tenant() || home == enterprise || enterprise != "" && env.ExtShared != nil && !bool(*env.ExtShared) {
		return ""
	}
	return home
}

// formerTenant is what earlier versions took for it, "" where that is the same.
func (env *envelope) formerTenant() string {
	if env.TeamID.String() == env.tenant() {
		return ""
	}
	return env.TeamID.String()
}

// bots returns the user ids that the bot goes by.
func (a *Adapter) bots(env *envelope) []string {
	var ids []string
	for _, auth := range env.Authorizations {
		if auth.IsBot && auth.UserID != "" {
			ids = append(ids, auth.UserID.String())
		}
	}
	if id := a.botUser.Load(); id != nil {
		ids = append(ids, *id)
	}
	return ids
}
