package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/parley-bot/parley/platforms"
)

const (
	typeMessage    = "message"
	typeAppMention = "app_mention"
	channelIM      = "im"
	slackbot       = "USLACKBOT"
)

// envelope is what every Events API request has around its event. The SDK's
// parser refuses a whole message for one block it does not know, and a refused
// message is sent again and never answered; so only what is needed is read.
// Source: https://docs.slack.dev/apis/events-api/#callback-field
type envelope struct {
	Type           string                       `json:"type"`
	Challenge      string                       `json:"challenge"`
	TeamID         string                       `json:"team_id"`
	ContextTeamID  string                       `json:"context_team_id"`
	EnterpriseID   string                       `json:"enterprise_id"`
	APIAppID       string                       `json:"api_app_id"`
	EventID        string                       `json:"event_id"`
	Event          json.RawMessage              `json:"event"`
	Authorizations []slackgo.EventAuthorization `json:"authorizations"`
}

// message holds the fields of message and app_mention, and of other events
// those that say where they happened.
// Source: https://docs.slack.dev/reference/events/message
type message struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	Hidden      bool   `json:"hidden"`
	Channel     string `json:"channel"`
	ChannelID   string `json:"channel_id"`
	ChannelType string `json:"channel_type"`
	User        string `json:"user"`
	UserTeam    string `json:"user_team"`
	SourceTeam  string `json:"source_team"`
	BotID       string `json:"bot_id"`
	Text        string `json:"text"`
	TS          string `json:"ts"`
	EventTS     string `json:"event_ts"`
	ThreadTS    string `json:"thread_ts"`
	Files       []file `json:"files"`
	Item        struct {
		Channel string `json:"channel"`
	} `json:"item"`
}

type file struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Title    string `json:"title"`
	Mimetype string `json:"mimetype"`
	Size     int64  `json:"size"`
}

// readEnvelope reads a request of the Events API.
func (a *Adapter) readEnvelope(ctx context.Context, body []byte, now time.Time) (platforms.Inbound, error) {
	var env envelope
	if err := decode(body, &env); err != nil {
		return platforms.Inbound{}, invalidBody(err)
	}
	switch env.Type {
	case slackevents.URLVerification:
		if env.Challenge == "" {
			return platforms.Inbound{}, invalidBody(nil)
		}
		return platforms.Inbound{Answer: platforms.Answer{
			ContentType: "text/plain; charset=utf-8", Body: []byte(env.Challenge),
		}}, nil
	case slackevents.AppRateLimited:
		a.log.WarnContext(ctx, "slack holds events back: the app gets more than 30,000 an hour", slog.String("team", env.TeamID))
		return platforms.Inbound{}, nil
	case slackevents.CallbackEvent:
		return a.readCallback(&env, now)
	default:
		return platforms.Inbound{}, invalidBody(nil)
	}
}

func (a *Adapter) readCallback(env *envelope, now time.Time) (platforms.Inbound, error) {
	if env.EventID == "" {
		return platforms.Inbound{}, invalidBody(nil)
	}
	var m message
	if len(env.Event) > 0 {
		if err := decode(env.Event, &m); err != nil {
			return platforms.Inbound{}, invalidBody(err)
		}
	}
	bots := a.bots(env)
	e := platforms.Event{
		Platform: Platform, Tenant: env.tenant(), FormerTenant: env.formerTenant(), App: env.APIAppID,
		ID: env.EventID, Kind: platforms.KindMessage, ChatType: m.chatType(),
		ChatID:   cmp.Or(m.Channel, m.ChannelID, m.Item.Channel, env.tenant(), env.APIAppID, "unknown"),
		SenderID: m.User, SentAt: m.sentAt(now), Ignore: m.ignore(bots),
	}
	if m.spoken() {
		m.fill(&e, bots)
	}
	return platforms.Inbound{Events: []platforms.Event{e}}, nil
}

// tenant is the workspace that the bot acts in. In a channel that several
// organizations share, team_id is the workspace of who made the channel.
// Source: https://docs.slack.dev/apis/slack-connect/
func (env *envelope) tenant() string {
	var installed string
	if len(env.Authorizations) > 0 {
		installed = env.Authorizations[0].TeamID
	}
	return cmp.Or(installed, env.ContextTeamID, env.TeamID, env.EnterpriseID)
}

// formerTenant is what earlier versions took for it, "" where that is the same.
func (env *envelope) formerTenant() string {
	if env.TeamID == env.tenant() {
		return ""
	}
	return env.TeamID
}

// bots returns the user ids that the bot goes by.
func (a *Adapter) bots(env *envelope) []string {
	var ids []string
	for _, auth := range env.Authorizations {
		if auth.IsBot && auth.UserID != "" {
			ids = append(ids, auth.UserID)
		}
	}
	if id := a.botUser.Load(); id != nil {
		ids = append(ids, *id)
	}
	return ids
}

// spoken reports whether m is something that somebody said.
func (m *message) spoken() bool {
	return m.Type == typeMessage || m.Type == typeAppMention
}

// chatType goes by the channel's id, and where that does not tell by its type:
// channel, group and mpim are groups.
func (m *message) chatType() platforms.ChatType {
	if m.ChannelType == channelIM && !strings.HasPrefix(m.Channel, "C") && !strings.HasPrefix(m.Channel, "G") {
		return platforms.Private
	}
	return chatTypeOf(m.Channel)
}

func (m *message) sentAt(now time.Time) time.Time {
	if at, ok := parseTS(cmp.Or(m.TS, m.EventTS)); ok {
		return at
	}
	return now.UTC()
}

// ignore says why m must not be answered. Whatever a bot says is never
// answered, or two bots would talk to each other for ever.
func (m *message) ignore(bots []string) string {
	switch {
	case !m.spoken():
		return "unsupported event " + short(m.Type)
	case slices.Contains(bots, m.User):
		return "own message"
	case m.BotID != "", m.Subtype == "bot_message", m.User == slackbot:
		return "message of a bot"
	case m.Subtype != "" && m.Subtype != "file_share" && m.Subtype != "thread_broadcast":
		return "message with subtype " + short(m.Subtype)
	case m.Hidden:
		return "hidden message"
	case m.User == "":
		return "message without a sender"
	case m.Channel == "", m.TS == "":
		return "message without a channel or a time"
	}
	return ""
}

// fill adds what was said and where the answer goes.
func (m *message) fill(e *platforms.Event, bots []string) {
	said := readText(m.Text, m.botsIn(bots))
	e.Text = said.text
	e.Mentioned = said.addressed || m.Type == typeAppMention
	e.Mentions, e.Metadata = said.mentions, m.metadata()
	if e.Text == "" && len(m.Files) > 0 {
		e.Text = describe(m.Files)
	}
	e.ThreadID = m.ThreadTS
	if e.ThreadID == "" && e.Mentioned && e.ChatType == platforms.Group {
		e.ThreadID = m.TS // the answer opens a thread
	}
	if e.Ignore == "" {
		// One mention may come as app_mention and as message, each with an
		// event id of its own.
		e.MessageKey = m.Channel + ":" + m.TS
	}
	e.ReplyTo = platforms.Address{
		Tenant: e.Tenant, ChatID: m.Channel, ThreadID: e.ThreadID, MessageID: m.TS, UserID: m.User,
	}
}

// botsIn returns the bot's user ids. Where they are not known, somebody who is
// the only one mentioned in an app_mention must be the bot.
func (m *message) botsIn(bots []string) []string {
	if len(bots) > 0 || m.Type != typeAppMention {
		return bots
	}
	said := readText(m.Text, nil)
	if mentioned := said.users(); len(mentioned) == 1 {
		return mentioned
	}
	return nil
}

func (m *message) metadata() map[string]any {
	data := make(map[string]any)
	if len(m.Files) > 0 {
		data["files"] = listFiles(m.Files)
	}
	if m.UserTeam != "" { // somebody of another workspace in a shared channel
		data["user_team"] = m.UserTeam
	}
	if m.SourceTeam != "" {
		data["source_team"] = m.SourceTeam
	}
	if len(data) == 0 {
		return nil
	}
	return data
}

func listFiles(files []file) []map[string]any {
	list := make([]map[string]any, len(files))
	for i, f := range files {
		list[i] = map[string]any{"id": f.ID, "name": f.name(), "mimetype": f.Mimetype, "size": f.Size}
	}
	return list
}

// describe stands in for the text of a message that has only files.
func describe(files []file) string {
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = "[file: " + f.name() + "]"
	}
	return strings.Join(lines, "\n")
}

func (f file) name() string { return cmp.Or(f.Name, f.Title, f.ID, "unnamed") }
