package slack

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

const (
	pageOf        = "page" // what an address holds that is no place for messages
	methodPublish = "views.publish"
	methodPrompts = "assistant.threads.setSuggestedPrompts"
	mostPrompts   = 4 // that Slack shows

	tabHome     = "home"
	tabMessages = "messages"
)

// opened reads that somebody has opened the app: its home has help, and the
// container of an agent has questions to begin with.
// Source: https://docs.slack.dev/reference/events/app_home_opened
func (a *Adapter) opened(e *platforms.Event, m *message) {
	switch {
	case m.Tab == tabHome:
		e.Page = platforms.PageHelp
	case m.Tab == tabMessages && a.agent:
		e.Page = platforms.PagePrompts
	default:
		return
	}
	if m.User == "" || m.channel() == "" {
		e.Page, e.Ignore = "", platforms.NotUnderstood+"page without a person or a channel"
		return
	}
	e.Ignore, e.Mentioned = "", true
	e.ReplyTo = platforms.Address{
		Tenant: e.Tenant, ChatID: m.channel(), UserID: m.User.String(), Extra: extra(pageOf, string(e.Page)),
	}
}

// showPage shows a page. Nobody has asked for it, so that it did not work out is
// only logged, and what the workspace or the token does not have is tried once.
func (a *Adapter) showPage(ctx context.Context, to platforms.Address, page platforms.Page, p platforms.Part) {
	if p.Failed != "" {
		return
	}
	method, form := methodPrompts, url.Values{"channel_id": {to.ChatID}, "prompts": {encoded(promptsIn(p.Text))}}
	if page == platforms.PageHelp {
		blocks, _ := rendered(p.Text)
		view := slackgo.HomeTabViewRequest{Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: blocks}}
		method, form = methodPublish, url.Values{"user_id": {to.UserID}, "view": {encoded(view)}}
	}
	if !a.can(to.Tenant, method) {
		return
	}
	if err := a.call(ctx, method, to, form, &taken{}); err != nil {
		a.cannot(to.Tenant, method, err)
		a.log.InfoContext(ctx, "slack did not accept a page", slog.String("method", method), slog.Any("error", err))
	}
}

// promptsIn reads a question of each line.
// Source: https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts
func promptsIn(text string) []slackgo.AssistantThreadsPrompt {
	var list []slackgo.AssistantThreadsPrompt
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && len(list) < mostPrompts {
			list = append(list, slackgo.AssistantThreadsPrompt{Title: line, Message: line})
		}
	}
	return list
}
