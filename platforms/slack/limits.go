package slack

import (
	"time"

	"github.com/parley-bot/parley/platforms"
)

// The methods whose limits are known here, as Slack names them.
const (
	methodPost      = "chat.postMessage"
	methodEphemeral = "chat.postEphemeral"
	methodUpdate    = "chat.update"
)

var _ platforms.Paced = (*Adapter)(nil)

// Limits implements [platforms.Paced]. A channel takes about one message a
// second. Every other method has a tier, a number of calls a minute for each
// workspace: 20 for starting and stopping streams, 50 for updates, 100 for
// appending. A burst and what a minute lets follow stay within it together.
// Source: https://docs.slack.dev/apis/web-api/rate-limits
func (a *Adapter) Limits(to platforms.Address, c platforms.Call) []platforms.Limit {
	native := a.native(to)
	switch {
	case to.Extra[responseURL] != "", to.Extra[pageOf] != "":
		return nil
	case c == platforms.CallOpen && native:
		return []platforms.Limit{tier(to, methodStart, 20)}
	case c == platforms.CallEdit && native:
		return a.editLimits(to)
	case c == platforms.CallClose && native:
		return []platforms.Limit{tier(to, methodStop, 20), tier(to, methodUpdate, 50)}
	case c == platforms.CallEdit, c == platforms.CallClose:
		return []platforms.Limit{tier(to, methodUpdate, 50)}
	}
	return []platforms.Limit{{Scope: chatScope(to.ChatID), Every: time.Second, Burst: 1}}
}

// editLimits are those of a change where Slack's own stream is used: of appending to
// it, and once it is old of ending it and of the updates that follow.
func (a *Adapter) editLimits(to platforms.Address) []platforms.Limit {
	switch ts := a.streams.at(to); {
	case ts == "":
		return []platforms.Limit{tier(to, methodUpdate, 50)}
	case a.old(ts):
		return []platforms.Limit{tier(to, methodStop, 20), tier(to, methodUpdate, 50)}
	}
	return []platforms.Limit{tier(to, methodAppend, 100)}
}

// tier is a limit of calls a minute, a fifth of which may come at once.
func tier(to platforms.Address, method string, perMinute int) platforms.Limit {
	burst := perMinute / 5
	return platforms.Limit{
		Scope: methodScope(to.Tenant, method), Burst: burst, Every: time.Minute / time.Duration(perMinute-burst),
	}
}

// chatScope is what a limit of one channel holds for.
func chatScope(channel string) string { return "chat:" + channel }

// scopeOf is what a limit that a call meets holds for.
func scopeOf(method string, to platforms.Address) string {
	if method == methodPost || method == methodEphemeral {
		return chatScope(to.ChatID)
	}
	return methodScope(to.Tenant, method)
}

// methodScope is what a limit of one method holds for.
func methodScope(workspace, method string) string { return "workspace:" + workspace + " " + method }
