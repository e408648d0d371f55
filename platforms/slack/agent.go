package slack

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/slack-go/slack/slackevents"

	"github.com/parley-bot/parley/platforms"
)

const (
	methodSession     = "agents.sessions.setStatus"
	sessionProcessing = "processing"
	sessionActive     = "active"
)

// inContainer reports whether a chat is in the container that Slack has for
// agents: there each message of a direct chat is the root of a thread.
// Source: https://docs.slack.dev/ai/migrating-to-agent-messaging
func (a *Adapter) inContainer(chat platforms.ChatType) bool {
	return a.agent && chat == platforms.Private
}

// contain puts the answer into the thread of its message, where the container
// shows it. The history of the chat goes on over all of its threads.
func (a *Adapter) contain(e *platforms.Event, m *message) {
	if !a.inContainer(e.ChatType) || e.Ignore != "" {
		return
	}
	e.ThreadID, e.ThreadBy = "", ""
	e.ReplyTo.ThreadID = cmp.Or(m.ThreadTS.ts(), m.ts())
	if e.ReplyTo.ThreadID == "" {
		return
	}
	e.ReplyTo.Extra = extra(streamKind, streamNative)
	if title := titleOf(e.Text); title != "" && m.ThreadTS == "" {
		e.ReplyTo.Extra[threadTitle] = title
	}
}

const (
	threadTitle = "title" // what an address holds where a thread begins
	maxTitle    = 60      // characters of a title: what a list shows
)

// titleOf is what a thread is called that begins with a text.
func titleOf(text string) string {
	title := strings.Join(strings.Fields(text), " ")
	if short := cutTo(title, maxTitle); short != title {
		return short + "…"
	}
	return title
}

// session sets the status of an agent's session. While it is being processed
// Slack shows a stop button of its own.
// Source: https://docs.slack.dev/reference/methods/agents.sessions.setStatus
func (a *Adapter) session(ctx context.Context, to platforms.Address, status string) error {
	form := url.Values{"channel_id": {to.ChatID}, "thread_ts": {to.ThreadID}, "status": {status}}
	if title := to.Extra[threadTitle]; title != "" && status == sessionProcessing {
		form.Set("title", title)
	}
	return a.call(ctx, methodSession, to, form, &taken{})
}

// stopped reads a press of Slack's own stop button.
// Source: https://docs.slack.dev/reference/events/agent_session_stopped
func (a *Adapter) stopped(e *platforms.Event, m *message) {
	e.Kind, e.Mentioned, e.Text = platforms.KindAction, true, string(platforms.VerbStop)
	e.Press = &platforms.Press{Verb: platforms.VerbStop}
	if len(m.StreamingTS) > 0 {
		e.Press.MessageID = m.StreamingTS[0].ts()
	}
	e.Ignore = ""
	if m.User == "" || m.channel() == "" {
		e.Ignore = platforms.NotUnderstood + "stop without a sender or a channel"
	}
	e.ThreadID = m.ThreadTS.ts()
	e.ReplyTo = platforms.Address{Tenant: e.Tenant, ChatID: m.channel(), ThreadID: e.ThreadID, UserID: m.User.String()}
	if a.inContainer(e.ChatType) {
		e.ThreadID = ""
	}
}

// understood are the events of an app with nothing to answer in them.
func understood(kind string) bool {
	return slices.Contains([]string{
		string(slackevents.AppHomeOpened), string(slackevents.AppContextChanged), string(slackevents.AgentSessionTitleChanged),
		string(slackevents.AssistantThreadStarted), string(slackevents.AssistantThreadContextChanged), string(slackevents.AppInstalled),
	}, kind)
}
