package slack

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/platforms"
)

const (
	typeMessage    = "message"
	typeAppMention = "app_mention"
	channelIM      = "im"
	slackbot       = "USLACKBOT"
	system         = "USLACK"
)

// message holds the fields of message and app_mention, and of other events
// those that say where they happened.
// Source: https://docs.slack.dev/reference/events/message
type message struct {
	Type         word         `json:"type"`
	Subtype      word         `json:"subtype"`
	Hidden       boolean      `json:"hidden"`
	Channel      word         `json:"channel"`
	ChannelID    word         `json:"channel_id"`
	ChannelType  word         `json:"channel_type"`
	User         word         `json:"user"`
	UserTeam     word         `json:"user_team"`
	SourceTeam   word         `json:"source_team"`
	BotID        word         `json:"bot_id"`
	Text         word         `json:"text"`
	TS           word         `json:"ts"`
	EventTS      word         `json:"event_ts"`
	ThreadTS     word         `json:"thread_ts"`
	ParentUserID word         `json:"parent_user_id"` // who has opened the thread
	Blocks       []block      `json:"blocks"`
	Attachments  []attachment `json:"attachments"`
	Files        []file       `json:"files"`
	Item         struct {
		Channel word `json:"channel"`
	} `json:"item"`
	StreamingTS []word  `json:"streaming_message_ts"` // of agent_session_stopped
	Tab         word    `json:"tab"`                  // of app_home_opened
	Context     viewing `json:"context"`              // of that and of app_context_changed
	AppContext  viewing `json:"app_context"`          // of a direct message
	Tokens      struct {
		Bot []word `json:"bot"`
	} `json:"tokens"` // of tokens_revoked
	DeletedTS word    `json:"deleted_ts"`
	Message   earlier `json:"message"`          // of a change: as it is now
	Previous  earlier `json:"previous_message"` // of a change: as it was
}

// earlier is the message that a change tells of.
type earlier struct {
	Subtype  word `json:"subtype"`
	User     word `json:"user"`
	TS       word `json:"ts"`
	ThreadTS word `json:"thread_ts"`
}

type file struct {
	ID       word `json:"id"`
	Name     word `json:"name"`
	Title    word `json:"title"`
	Mimetype word `json:"mimetype"`
	Size     word `json:"size"`
}

// spoken reports whether m is something that somebody said.
func (m *message) spoken() bool {
	return m.Type == typeMessage || m.Type == typeAppMention
}

// channel returns where it happened.
func (m *message) channel() string { return cmp.Or(m.Channel, m.ChannelID, m.Item.Channel).String() }

// ts returns the message's time, which is its id, "" when there is none.
func (m *message) ts() string { return cmp.Or(m.TS.ts(), m.EventTS.ts()) }

// gone returns the time of the message that m tells is deleted, "" when it tells
// of none. One that has answers in its thread stays as a tombstone.
// Source: https://docs.slack.dev/reference/events/message/message_deleted
func (m *message) gone() string {
	switch {
	case m.Type != typeMessage || m.Channel == "":
		return ""
	case m.Subtype == "message_deleted":
		return cmp.Or(m.DeletedTS.ts(), m.Previous.TS.ts())
	case m.Subtype == "message_changed" && m.Message.Subtype == "tombstone":
		return cmp.Or(m.Message.TS.ts(), m.Previous.TS.ts())
	}
	return ""
}

// chatType goes by the channel's id, and where that does not tell by its type:
// channel, group and mpim are groups.
func (m *message) chatType() platforms.ChatType {
	if m.ChannelType == channelIM && !strings.HasPrefix(m.channel(), "C") && !strings.HasPrefix(m.channel(), "G") {
		return platforms.Private
	}
	return chatTypeOf(m.channel())
}

func (m *message) sentAt(now time.Time) time.Time {
	if at, ok := parseTS(m.ts()); ok {
		return at
	}
	return now.UTC()
}

// ignore says why m must not be answered. Whatever a bot says is never
// answered, or two bots would talk to each other for ever.
func (m *message) ignore(bots []string) string {
	switch {
	case understood(m.Type.String()):
		return m.Type.String()
	case !m.spoken():
		return platforms.Unsupported + "event " + platforms.ShortName(m.Type.String())
	case contains(bots, m.User):
		return "own message"
	case m.BotID != "", m.Subtype == "bot_message", m.User == slackbot, m.User == system:
		return "message of a bot"
	case m.Subtype != "" && !slices.Contains([]word{"file_share", "thread_broadcast", "me_message"}, m.Subtype):
		return "message with subtype " + platforms.ShortName(m.Subtype.String())
	case bool(m.Hidden):
		return "hidden message"
	case m.User == "":
		return platforms.NotUnderstood + "message without a sender"
	case m.channel() == "":
		return platforms.NotUnderstood + "message without a channel"
	}
	return ""
}

// fill adds what was said and where the answer goes.
func (m *message) fill(e *platforms.Event, bots []string) {
	said := m.words(m.botsIn(bots))
	e.Text, e.Mentions, e.Metadata = said.text, said.mentions, m.metadata()
	e.Mentioned = said.addressed || m.Type == typeAppMention && !said.quoted
	e.Files = m.files()
	if e.Text == "" && len(m.Files) > 0 {
		e.Text, e.Unreadable = describe(m.Files), true
	}
	e.ThreadID = m.ThreadTS.ts()
	if !contains(bots, m.ParentUserID) {
		e.ThreadBy = m.ParentUserID.String()
	}
	if e.ThreadID == "" && e.Mentioned && e.ChatType == platforms.Group {
		e.ThreadID = m.ts() // the answer opens a thread
	}
	if e.Ignore == "" && m.ts() != "" {
		// One mention may come as app_mention and as message, each with an
		// event id of its own.
		e.MessageKey = m.channel() + ":" + m.ts()
	}
	e.ReplyTo = platforms.Address{
		Tenant: e.Tenant, ChatID: m.channel(), ThreadID: e.ThreadID, MessageID: m.ts(), UserID: m.User.String(),
		Extra: extra(streamKind, m.streamOf(e)),
	}
}

// botsIn returns the bot's user ids. Where they are not known, somebody who is
// the only one mentioned in an app_mention must be the bot.
func (m *message) botsIn(bots []string) []string {
	if len(bots) > 0 || m.Type != typeAppMention {
		return bots
	}
	said := m.words(nil)
	if mentioned := said.users(); len(mentioned) == 1 {
		return mentioned
	}
	return nil
}

// words puts together what a message says: its text, which blocks say more,
// and what is attached. Whoever is named in the latter was named by somebody
// else.
func (m *message) words(bots []string) spoken {
	said := readText(m.Text.String(), bots)
	in := reader{bots: bots}
	body := joined("\n", in.beyond("", m.Blocks)...)
	if said.text != "" && !strings.Contains(body, fence+"`") { // Slack's markup cannot say that there is a fence in code
		body = joined("\n", append([]string{said.text}, in.beyond(said.text, m.Blocks)...)...)
	}
	said.addressed = said.addressed || in.said.addressed
	for _, mention := range in.said.mentions {
		if !slices.Contains(said.users(), mention.ID) && strings.Contains(body, mention.Shown()) {
			said.mentions = append(said.mentions, mention)
		}
	}
	attached := reader{bots: bots}
	for i := range m.Attachments {
		body = joined("\n\n", body, attached.attachment(&m.Attachments[i]))
	}
	said.quoted = said.quoted || in.said.quoted || attached.said.quoted || attached.said.addressed
	said.text = body
	if said.addressed {
		said.text = strings.TrimSpace(body)
	}
	return said
}

func (m *message) metadata() map[string]any {
	data := make(map[string]any)
	if m.UserTeam != "" { // somebody of another workspace in a shared channel
		data["user_team"] = m.UserTeam.String()
	}
	if m.SourceTeam != "" {
		data["source_team"] = m.SourceTeam.String()
	}
	if len(data) == 0 {
		return nil
	}
	return data
}

// describe stands in for the text of a message that has only files.
func describe(files []file) string {
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = "[file: " + f.name() + "]"
	}
	return strings.Join(lines, "\n")
}

func (f file) name() string { return platforms.FileName(cmp.Or(f.Name, f.Title, f.ID).String()) }
