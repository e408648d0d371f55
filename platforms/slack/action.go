package slack

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

// interaction is what a button, a menu or a shortcut sends.
// Source: https://docs.slack.dev/reference/interaction-payloads
type interaction struct {
	Type        word `json:"type"`
	CallbackID  word `json:"callback_id"`
	TriggerID   word `json:"trigger_id"`
	ActionTS    word `json:"action_ts"`
	APIAppID    word `json:"api_app_id"`
	ResponseURL word `json:"response_url"`
	Team        word `json:"team"`
	Enterprise  word `json:"enterprise"`
	Channel     word `json:"channel"`
	MessageTS   word `json:"message_ts"`
	User        struct {
		ID       word `json:"id"`
		Name     word `json:"name"`
		Username word `json:"username"`
		TeamID   word `json:"team_id"`
	} `json:"user"`
	Message   message `json:"message"`
	Container struct {
		ChannelID   word    `json:"channel_id"`
		MessageTS   word    `json:"message_ts"`
		ThreadTS    word    `json:"thread_ts"`
		IsEphemeral boolean `json:"is_ephemeral"`
	} `json:"container"`
	Actions []action `json:"actions"`
}

type option struct {
	Text  phrase `json:"text"`
	Value word   `json:"value"`
}

// action is one thing done; which fields it has depends on the element.
type action struct {
	ActionID              word     `json:"action_id"`
	BlockID               word     `json:"block_id"`
	ActionTS              word     `json:"action_ts"`
	Name                  word     `json:"name"`
	Value                 word     `json:"value"`
	URL                   word     `json:"url"`
	Text                  phrase   `json:"text"`
	SelectedOption        option   `json:"selected_option"`
	SelectedOptions       []option `json:"selected_options"`
	SelectedUser          word     `json:"selected_user"`
	SelectedUsers         []word   `json:"selected_users"`
	SelectedChannel       word     `json:"selected_channel"`
	SelectedChannels      []word   `json:"selected_channels"`
	SelectedConversation  word     `json:"selected_conversation"`
	SelectedConversations []word   `json:"selected_conversations"`
	SelectedDate          word     `json:"selected_date"`
	SelectedTime          word     `json:"selected_time"`
	SelectedDateTime      word     `json:"selected_date_time"`
}

// readInteraction reads what a person pressed or chose.
func (a *Adapter) readInteraction(r platforms.Request, payload string, now time.Time) (platforms.Inbound, error) {
	var p interaction
	if err := lenient.Decode([]byte(payload), &p); err != nil {
		return platforms.Inbound{}, invalidBody(err)
	}
	if p.Type == "" {
		return platforms.Inbound{}, invalidBody(nil)
	}
	chat := cmp.Or(p.Channel, p.Container.ChannelID).String()
	tenant := cmp.Or(p.Team, p.User.TeamID, p.Enterprise).String() // team is null where an organization has installed the app
	e := platforms.Event{
		Platform: a.name, Tenant: tenant, App: p.APIAppID.String(),
		ID: p.eventID(r), Kind: platforms.KindAction,
		ChatType: chatTypeOf(chat), ChatID: cmp.Or(chat, tenant, "unknown"),
		SenderID: p.User.ID.String(), SenderName: cmp.Or(p.User.Username, p.User.Name).String(),
		Text: p.text(), Mentioned: true, SentAt: now.UTC(), Ignore: p.ignore(chat),
	}
	if p.Enterprise == "" && p.User.TeamID != "" && p.User.TeamID.String() != tenant {
		e.Guest = p.User.TeamID.String()
	}
	e.ThreadID, e.Press = p.thread(e.ChatType), p.press()
	e.ReplyTo = platforms.Address{
		Tenant: tenant, ChatID: chat, ThreadID: e.ThreadID, MessageID: p.messageTS(), UserID: p.User.ID.String(),
	}
	answer := a.checked(p.ResponseURL.String())
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
	return bool(p.Container.IsEphemeral) || p.is(slackgo.InteractionTypeMessageAction)
}

func (p *interaction) is(kind slackgo.InteractionType) bool { return p.Type.String() == string(kind) }

func (p *interaction) eventID(r platforms.Request) string {
	id := cmp.Or(p.TriggerID, p.ActionTS)
	for i := range p.Actions {
		id = cmp.Or(id, p.Actions[i].ActionTS)
	}
	return cmp.Or(id.String(), requestID(r))
}

func (p *interaction) ignore(chat string) string {
	switch {
	case !p.is(slackgo.InteractionTypeBlockActions) && !p.is(slackgo.InteractionTypeInteractionMessage) && !p.is(slackgo.InteractionTypeMessageAction):
		return platforms.Unsupported + "interaction " + platforms.ShortName(p.Type.String())
	case chat == "":
		return platforms.NotUnderstood + "interaction outside a channel"
	case p.User.ID == "":
		return platforms.NotUnderstood + "interaction without a sender"
	case p.onlyLinks():
		return "click on a link"
	case p.text() == "":
		return platforms.NotUnderstood + "interaction that says nothing"
	}
	return ""
}

// onlyLinks reports whether all that was pressed are buttons that open a page.
// Slack tells of these as of others, so that they can be counted.
// Source: https://docs.slack.dev/reference/block-kit/block-elements/button-element
func (p *interaction) onlyLinks() bool {
	return len(p.Actions) > 0 && !slices.ContainsFunc(p.Actions, func(act action) bool {
		return act.URL == "" && !opensPage(p.Message.Blocks, &act)
	})
}

// opensPage reports whether the button that was pressed is one among blocks
// that has an address.
func opensPage(blocks []block, pressed *action) bool {
	return slices.ContainsFunc(blocks, func(b block) bool {
		if b.ActionID != "" && b.ActionID == pressed.ActionID && b.URL.text != "" {
			return true
		}
		mine := b.BlockID == "" || pressed.BlockID == "" || b.BlockID == pressed.BlockID
		return mine && (opensPage(b.Elements, pressed) || b.Accessory != nil && opensPage([]block{*b.Accessory}, pressed))
	})
}

func (p *interaction) messageTS() string {
	return cmp.Or(p.Message.TS.ts(), p.MessageTS.ts(), p.Container.MessageTS.ts())
}

// thread returns the thread that the answer belongs to: the one that the
// message is in, or in a channel the one that the message opens. Nobody can
// answer in the thread of a message that only one person sees.
func (p *interaction) thread(chat platforms.ChatType) string {
	thread := cmp.Or(p.Message.ThreadTS.ts(), p.Container.ThreadTS.ts())
	if thread == "" && chat == platforms.Group && !bool(p.Container.IsEphemeral) {
		return p.messageTS()
	}
	return thread
}

// text describes what was done in words.
func (p *interaction) text() string {
	if p.is(slackgo.InteractionTypeMessageAction) {
		said := p.Message.words(nil)
		return strings.TrimSpace(p.CallbackID.String() + "\n" + cmp.Or(said.text, describe(p.Message.Files)))
	}
	var done []string
	for i := range p.Actions {
		if text := p.Actions[i].choice(); text != "" {
			done = append(done, text)
		}
	}
	return cmp.Or(strings.Join(done, ", "), p.CallbackID.String())
}

func (act *action) choice() string {
	chosen := cmp.Or(act.Value.String(), act.SelectedOption.name(), act.SelectedUser.String(), act.SelectedChannel.String(),
		act.SelectedConversation.String(), act.SelectedDate.String(), act.SelectedTime.String(), act.SelectedDateTime.String())
	var several []string
	for _, o := range act.SelectedOptions {
		several = append(several, o.name())
	}
	for _, id := range slices.Concat(act.SelectedUsers, act.SelectedChannels, act.SelectedConversations) {
		several = append(several, id.String())
	}
	return cmp.Or(chosen, strings.Join(several, ", "), act.Text.text, act.ActionID.String(), act.Name.String())
}

func (o option) name() string { return cmp.Or(o.Value.String(), o.Text.text) }
