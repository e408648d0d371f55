package feishu

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// noChat stands for the chat of an event that has none; such events are ignored.
const noChat = "-"

// Receive verifies one webhook and returns its event. What Feishu sends beyond
// messages and card actions becomes an ignored event with the reason, so that
// it is answered and not repeated. Errors are of kind failure.Unauthorized or
// Invalid.
func (a *Adapter) Receive(_ context.Context, r platforms.Request) (platforms.Inbound, error) {
	if r.Now.IsZero() {
		r.Now = a.opts.Now()
	}
	env, err := a.open(r)
	if err != nil {
		return platforms.Inbound{}, err
	}
	if env.isChallenge() {
		return challenge(env.Challenge)
	}
	ev, err := a.event(env, r)
	if err != nil {
		return platforms.Inbound{}, err
	}
	if err := ev.Validate(); err != nil {
		return platforms.Inbound{}, err
	}
	return platforms.Inbound{Events: []platforms.Event{ev}, Answer: jsonAnswer([]byte(`{}`))}, nil
}

// challenge proves to the developer console that the address is ours.
func challenge(value string) (platforms.Inbound, error) {
	body, err := json.Marshal(map[string]string{"challenge": value})
	if err != nil {
		return platforms.Inbound{}, failure.New(failure.Invalid, errNotJSON.Code, errNotJSON.Safe, err)
	}
	return platforms.Inbound{Answer: jsonAnswer(body)}, nil
}

func jsonAnswer(body []byte) platforms.Answer {
	return platforms.Answer{Status: http.StatusOK, ContentType: "application/json; charset=utf-8", Body: body}
}

func (a *Adapter) event(env *envelope, r platforms.Request) (platforms.Event, error) {
	switch {
	case env.isLegacyCard():
		return a.legacyCardEvent(env, r), nil
	case env.Header != nil:
		return a.v2Event(env, r.Now)
	case env.Type == string(larkevent.ReqTypeEventCallBack):
		return a.v1Event(env, r.Now)
	default:
		return platforms.Event{}, errNotJSON
	}
}

func (a *Adapter) v2Event(env *envelope, now time.Time) (platforms.Event, error) {
	h := env.Header
	ev := platforms.Event{
		Platform: platformName, Tenant: h.TenantKey, App: h.AppID, ID: h.EventID,
		Kind: platforms.KindMessage, ChatType: platforms.Group,
		SentAt: millis(h.CreateTime, now),
	}
	switch {
	case h.EventType == "im.message.receive_v1":
		return a.messageEvent(ev, env.Event)
	case h.EventType == "card.action.trigger":
		return cardEvent(ev, env.Event)
	case h.EventType == "im.message.recalled_v1":
		return ignored(ev, env.Event, "message recalled"), nil
	case strings.HasPrefix(h.EventType, "im.message.updated"):
		return ignored(ev, env.Event, "message edited"), nil
	default:
		return ignored(ev, env.Event, unsupported("event", h.EventType)), nil
	}
}

// ignored completes an event that is only noted.
func ignored(ev platforms.Event, raw json.RawMessage, reason string) platforms.Event {
	var where struct {
		ChatID     string `json:"chat_id"`
		OpenChatID string `json:"open_chat_id"`
	}
	if err := json.Unmarshal(raw, &where); err != nil {
		where.ChatID, where.OpenChatID = "", ""
	}
	ev.ChatID = cmp.Or(where.ChatID, where.OpenChatID, noChat)
	ev.ReplyTo = platforms.Address{Tenant: ev.Tenant, ChatID: ev.ChatID}
	ev.Ignore = reason
	return ev
}

// unsupported names what is not answered; a name from outside is kept short.
func unsupported(what, name string) string {
	const longest = 64
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return "unsupported " + what + " " + name
}

// millis reads a time in milliseconds. One that cannot be right counts as now.
func millis(s string, now time.Time) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return now
	}
	return plausible(time.UnixMilli(n), now)
}

func plausible(t, now time.Time) time.Time {
	const year = 365 * 24 * time.Hour
	if t.Before(now.Add(-year)) || t.After(now.Add(maxAhead)) {
		return now
	}
	return t.UTC()
}
