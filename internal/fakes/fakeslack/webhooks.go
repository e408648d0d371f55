package fakeslack

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SignedHeader returns the headers that Slack sends with body: its signature,
// the time and the content type.
func SignedHeader(secret string, now time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h := make(http.Header)
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	h.Set("Content-Type", "application/json")
	if !bytes.HasPrefix(body, []byte("{")) {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return h
}

// SignedRequest returns a webhook as Slack posts it to url.
func SignedRequest(ctx context.Context, url, secret string, now time.Time, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("fake slack: %w", err)
	}
	req.Header = SignedHeader(secret, now, body)
	return req, nil
}

// Event is something said, to be told to Parley. Empty fields get a default.
type Event struct {
	EventID     string // "Ev" + TS
	TeamID      string // where the app is installed
	MakerTeamID string // of who made the channel, where that is another one
	AppID       string
	BotUser     string // the app's bot, named in authorizations
	Channel     string // C00000001, in an im D00000001
	ChannelType string // channel; also im, mpim, group
	User        string // U00000001
	Text        string
	TS          string // 1700000000.000100
	ThreadTS    string
	More        map[string]any // further or other fields of the event itself
}

// MessageEvent returns the body of a message event.
func MessageEvent(e Event) []byte {
	e = e.withDefaults()
	return e.body("message", map[string]any{"channel_type": e.ChannelType})
}

// MentionEvent returns the body of an app_mention event. Its text should hold
// the mention: Mention(…) + " hello".
func MentionEvent(e Event) []byte {
	if e.EventID == "" {
		e.EventID = "EvMention" + e.TS // another one than the message event's
	}
	return e.withDefaults().body("app_mention", nil)
}

// Mention returns the markup that mentions a user, DefaultBotUser when empty.
func Mention(user string) string { return "<@" + cmp.Or(user, DefaultBotUser) + ">" }

func (e Event) withDefaults() Event {
	e.TS = cmp.Or(e.TS, "1700000000.000100")
	e.EventID = cmp.Or(e.EventID, "Ev"+e.TS)
	e.TeamID = cmp.Or(e.TeamID, DefaultTeamID)
	e.AppID = cmp.Or(e.AppID, DefaultAppID)
	e.BotUser = cmp.Or(e.BotUser, DefaultBotUser)
	e.ChannelType = cmp.Or(e.ChannelType, "channel")
	if e.ChannelType == "im" {
		e.Channel = cmp.Or(e.Channel, "D00000001")
	}
	e.Channel = cmp.Or(e.Channel, "C00000001")
	e.User = cmp.Or(e.User, "U00000001")
	return e
}

func (e Event) body(kind string, extra map[string]any) []byte {
	event := map[string]any{
		"type": kind, "user": e.User, "text": e.Text, "ts": e.TS, "event_ts": e.TS, "channel": e.Channel,
	}
	if e.ThreadTS != "" {
		event["thread_ts"] = e.ThreadTS
	}
	for _, more := range []map[string]any{extra, e.More} {
		maps.Copy(event, more)
	}
	return EventCallback(e, event)
}

// EventCallback wraps any event into the envelope of the Events API.
func EventCallback(e Event, event map[string]any) []byte {
	e = e.withDefaults()
	return encode(map[string]any{
		"token": "deprecated", "team_id": cmp.Or(e.MakerTeamID, e.TeamID), "context_team_id": e.TeamID,
		"api_app_id": e.AppID, "type": "event_callback",
		"event": event, "event_id": e.EventID, "event_time": 1700000000, "is_ext_shared_channel": e.MakerTeamID != "",
		"authorizations": []map[string]any{{
			"enterprise_id": nil, "team_id": e.TeamID, "user_id": e.BotUser, "is_bot": true, "is_enterprise_install": false,
		}},
	})
}

// Challenge returns the body that Slack checks a request URL with.
func Challenge(challenge string) []byte {
	return encode(map[string]any{"token": "deprecated", "type": "url_verification", "challenge": challenge})
}

// Command is a slash command, to be told to Parley. Empty fields get a default.
type Command struct {
	Command     string // /parley
	Text        string
	TeamID      string
	AppID       string
	Channel     string // C00000001
	ChannelName string // general
	User        string // U00000001
	UserName    string
	TriggerID   string // 1.2.3
	ResponseURL string // see Server.NewResponseURL
}

// SlashCommand returns the body of a slash command.
func SlashCommand(c Command) []byte {
	form := url.Values{
		"token": {"deprecated"}, "team_domain": {"fake"}, "is_enterprise_install": {"false"},
		"team_id":      {cmp.Or(c.TeamID, DefaultTeamID)},
		"api_app_id":   {cmp.Or(c.AppID, DefaultAppID)},
		"channel_id":   {cmp.Or(c.Channel, "C00000001")},
		"channel_name": {cmp.Or(c.ChannelName, "general")},
		"user_id":      {cmp.Or(c.User, "U00000001")},
		"user_name":    {cmp.Or(c.UserName, "alice")},
		"command":      {cmp.Or(c.Command, "/parley")},
		"text":         {c.Text},
		"trigger_id":   {cmp.Or(c.TriggerID, "1.2.3")},
		"response_url": {c.ResponseURL},
	}
	return []byte(form.Encode())
}

// Interaction returns the body of an interactivity request.
func Interaction(payload map[string]any) []byte {
	return []byte(url.Values{"payload": {string(encode(payload))}}.Encode())
}

// encode panics only when a test hands in something that is no JSON.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("fake slack: %v", err))
	}
	return raw
}
