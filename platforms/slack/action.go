package slack

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

// interaction is what a button, a menu or a shortcut sends.
// Source: https://docs.slack.dev/reference/interaction-payloads
type interaction struct {
	Type        slackgo.InteractionType `json:"type"`
	CallbackID  string                  `json:"callback_id"`
	TriggerID   string                  `json:"trigger_id"`
	ActionTS    string                  `json:"action_ts"`
	APIAppID    string                  `json:"api_app_id"`
	ResponseURL string                  `json:"response_url"`
	Team        named                   `json:"team"`
	Enterprise  named                   `json:"enterprise"`
	Channel     named                   `json:"channel"`
	User        struct {
		named
		Username string `json:"username"`
		TeamID   string `json:"team_id"`
	} `json:"user"`
	Message struct {
		TS       string `json:"ts"`
		ThreadTS string `json:"thread_ts"`
		Text     string `json:"text"`
	} `json:"message"`
	MessageTS string `json:"message_ts"`
	Container struct {
		ChannelID   string `json:"channel_id"`
		MessageTS   string `json:"message_ts"`
		ThreadTS    string `json:"thread_ts"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Actions []action `json:"actions"`
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type option struct {
	Text  textObject `json:"text"`
	Value string     `json:"value"`
}

type textObject struct {
	Text string `json:"text"`
}

// action is one thing done; which fields it has depends on the element.
type action struct {
	ActionID              string     `json:"action_id"`
	ActionTS              string     `json:"action_ts"`
	Name                  string     `json:"name"`
	Value                 string     `json:"value"`
	Text                  textObject `json:"text"`
	SelectedOption        option     `json:"selected_option"`
	SelectedOptions       []option   `json:"selected_options"`
	SelectedUser          string     `json:"selected_user"`
	SelectedUsers         []string   `json:"selected_users"`
	SelectedChannel       string     `json:"selected_channel"`
	SelectedChannels      []string   `json:"selected_channels"`
	SelectedConversation  string     `json:"selected_conversation"`
	SelectedConversations []string   `json:"selected_conversations"`
	SelectedDate          string     `json:"selected_date"`
	SelectedTime          string     `json:"selected_time"`
	SelectedDateTime      int64      `json:"selected_date_time"`
}

// readInteraction reads what a person pressed or chose.
func (a *Adapter) readInteraction(r platforms.Request, payload string, now time.Time) (platforms.Inbound, error) {
	var p interaction
	if err := decode([]byte(payload), &p); err != nil {
		return platforms.Inbound{}, invalidBody(err)
	}
	if p.Type == "" {
		return platforms.Inbound{}, invalidBody(nil)
	}
	chat := cmp.Or(p.Channel.ID, p.Container.ChannelID)
	tenant := cmp.Or(p.Team.ID, p.User.TeamID, p.Enterprise.ID) // team is null where an organization has installed the app
	e := platforms.Event{
		Platform: Platform, Tenant: tenant, App: p.APIAppID,
		ID: p.eventID(r), Kind: platforms.KindAction,
		ChatType: chatTypeOf(chat), ChatID: cmp.Or(chat, tenant, "unknown"),
		SenderID: p.User.ID, SenderName: cmp.Or(p.User.Username, p.User.Name),
		Text: p.text(), Mentioned: true, SentAt: now.UTC(), Ignore: p.ignore(chat),
	}
	e.ThreadID = p.thread(e.ChatType)
	e.ReplyTo = platforms.Address{
		Tenant: tenant, ChatID: chat, ThreadID: e.ThreadID, MessageID: p.messageTS(), UserID: p.User.ID,
	}
	answer := a.checked(p.ResponseURL)
	if p.private() {
		e.ReplyTo.Private, e.ReplyTo.Extra = !direct(chat) || answer != "", extra(responseURL, answer)
	} else {
		e.ReplyTo.Extra = extra(spareURL, answer)
	}
	return platforms.Inbound{Events: []platforms.Event{e}}, nil
}

// private reports whether only who acted may see the answer: only they see the
// message, or they have asked about it behind the back of who wrote it.
func (p *interaction) private() bool {
	return p.Container.IsEphemeral || p.Type == slackgo.InteractionTypeMessageAction
}

func (p *interaction) eventID(r platforms.Request) string {
	id := cmp.Or(p.TriggerID, p.ActionTS)
	for _, act := range p.Actions {
		id = cmp.Or(id, act.ActionTS)
	}
	return cmp.Or(id, requestID(r))
}

func (p *interaction) ignore(chat string) string {
	switch p.Type {
	case slackgo.InteractionTypeBlockActions, slackgo.InteractionTypeInteractionMessage, slackgo.InteractionTypeMessageAction:
	default:
		return "unsupported interaction " + short(string(p.Type))
	}
	switch {
	case chat == "":
		return "interaction outside a channel"
	case p.User.ID == "":
		return "interaction without a sender"
	}
	return ""
}

func (p *interaction) messageTS() string {
	return cmp.Or(p.Message.TS, p.MessageTS, p.Container.MessageTS)
}

// thread returns the thread that the answer belongs to: the one that the
// message is in, or in a channel the one that the message opens. Nobody can
// answer in the thread of a message that only one person sees.
func (p *interaction) thread(chat platforms.ChatType) string {
	thread := cmp.Or(p.Message.ThreadTS, p.Container.ThreadTS)
	if thread == "" && chat == platforms.Group && !p.Container.IsEphemeral {
		return p.messageTS()
	}
	return thread
}

// text describes what was done in words.
func (p *interaction) text() string {
	if p.Type == slackgo.InteractionTypeMessageAction {
		said := readText(p.Message.Text, nil)
		return strings.TrimSpace(p.CallbackID + "\n" + said.text)
	}
	var done []string
	for i := range p.Actions {
		if text := p.Actions[i].choice(); text != "" {
			done = append(done, text)
		}
	}
	return cmp.Or(strings.Join(done, ", "), p.CallbackID)
}

func (act *action) choice() string {
	chosen := cmp.Or(act.Value, act.SelectedOption.name(),
		act.SelectedUser, act.SelectedChannel, act.SelectedConversation, act.SelectedDate, act.SelectedTime)
	if chosen == "" && act.SelectedDateTime != 0 {
		chosen = strconv.FormatInt(act.SelectedDateTime, 10)
	}
	var several []string
	for _, o := range act.SelectedOptions {
		several = append(several, o.name())
	}
	several = append(several, act.SelectedUsers...)
	several = append(several, act.SelectedChannels...)
	several = append(several, act.SelectedConversations...)
	return cmp.Or(chosen, strings.Join(several, ", "), act.Text.Text, act.ActionID, act.Name)
}

func (o option) name() string { return cmp.Or(o.Value, o.Text.Text) }
