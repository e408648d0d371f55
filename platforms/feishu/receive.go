package feishu

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

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
func (a *Adapter) Receive(ctx context.Context, r platforms.Request) (platforms.Inbound, error) {
	if r.Now.IsZero() {
		r.Now = a.opts.Now()
	}
	env, err := a.open(r)
	if err != nil {
		return platforms.Inbound{}, err
	}
	if env.isChallenge() {
		return challenge(env.Challenge.String())
	}
	return a.inbound(ctx, env, r)
}

// inbound returns what a verified envelope delivers.
func (a *Adapter) inbound(ctx context.Context, env *envelope, r platforms.Request) (platforms.Inbound, error) {
	ev, err := a.event(env, r)
	if err != nil {
		return platforms.Inbound{}, err
	}
	in := platforms.Inbound{Events: []platforms.Event{a.kept(ctx, ev, r)}, Answer: jsonAnswer([]byte(`{}`))}
	if env.Header != nil { // the card callback of old shows nothing
		in.Late = a.late(&in.Events[0])
	}
	return in, nil
}

// kept returns the event as it can be stored, and tells the admin of an odd one.
func (a *Adapter) kept(ctx context.Context, ev platforms.Event, r platforms.Request) platforms.Event {
	ev = ev.Storable(func() string {
		sum := sha256.Sum256(r.Body)
		return "body-" + hex.EncodeToString(sum[:16])
	})
	if ev.ChatType == platforms.Private && ev.SenderID != "" {
		ev.ReplyTo.UserKey = ev.UserKey() // says at the address that nobody else reads along
	}
	if a.odd.Worth(ev.Ignore, r.Now) {
		a.opts.Logger.WarnContext(ctx, "feishu sent an event that cannot be answered; it is stored as ignored",
			slog.String("event_id", ev.ID), slog.String("reason", ev.Ignore))
	}
	return ev
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

// event reads what happened; what has neither a type nor an id is no event.
func (a *Adapter) event(env *envelope, r platforms.Request) (platforms.Event, error) {
	switch {
	case env.isLegacyCard():
		return a.legacyCardEvent(env, r), nil
	case env.Header != nil && env.Header.EventID != "" && env.Header.EventType != "":
		return a.v2Event(env, r.Now), nil
	case env.Header == nil && env.Type.String() == string(larkevent.ReqTypeEventCallBack) && env.UUID != "":
		return a.v1Event(env, r.Now), nil
	default:
		return platforms.Event{}, errNotJSON
	}
}

func (a *Adapter) v2Event(env *envelope, now time.Time) platforms.Event {
	h := env.Header
	ev := platforms.Event{
		Platform: a.opts.Name, Tenant: h.TenantKey.String(), App: h.AppID.String(), ID: h.EventID.String(),
		Kind: platforms.KindMessage, ChatType: platforms.Group,
		SentAt: millis(h.CreateTime.String(), now),
	}
	switch eventType := h.EventType.String(); {
	case eventType == "im.message.receive_v1":
		ev = a.messageEvent(ev, env.Event)
		a.absent.set("") // who can be spoken to is there
		a.chats.note(ev)
		return ev
	case eventType == "card.action.trigger":
		return cardEvent(ev, env.Event)
	case eventType == "im.message.recalled_v1":
		return recalled(ev, env.Event)
	case strings.HasPrefix(eventType, "im.message.updated"):
		return ignored(ev, env.Event, "message edited")
	case eventType == "application.bot.menu_v6":
		return a.menuEvent(ev, env.Event)
	case eventType == "im.chat.member.bot.added_v1":
		return botAdded(ev, env.Event)
	case eventType == "im.chat.access_event.bot_p2p_chat_entered_v1":
		ev = chatEntered(ev, env.Event)
		a.chats.note(ev)
		return ev
	default:
		return ignored(ev, env.Event, unsupportedEvent(eventType))
	}
}

// ignored completes an event that is only noted.
func ignored(ev platforms.Event, raw json.RawMessage, reason string) platforms.Event {
	var where struct {
		ChatID     word `json:"chat_id"`
		OpenChatID word `json:"open_chat_id"`
	}
	_ = lenient.Decode(raw, &where)
	ev.ChatID = cmp.Or(where.ChatID.String(), where.OpenChatID.String(), noChat)
	ev.ReplyTo = platforms.Address{Tenant: ev.Tenant, ChatID: ev.ChatID}
	ev.Ignore = reason
	return ev
}

func unsupportedEvent(name string) string {
	return platforms.Unsupported + "event " + platforms.ShortName(name)
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
