package slack

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack/slackevents"

	"github.com/parley-bot/parley/internal/lenient"
	"github.com/parley-bot/parley/platforms"
)

// viewing is what somebody looks at beside an agent.
// Source: https://docs.slack.dev/reference/events/app_context_changed
type viewing struct {
	Entities []entity `json:"entities"`
}

type entity struct {
	Type  word  `json:"type"`
	Value value `json:"value"`
}

// value is an id, or that of a message.
type value struct {
	id      word
	Channel word `json:"channel_id"`
	Message word `json:"message_ts"`
}

// UnmarshalJSON takes what it can: another form means nothing.
func (v *value) UnmarshalJSON(raw []byte) error {
	if raw[0] != '{' {
		return v.id.UnmarshalJSON(raw)
	}
	type plain value
	return lenient.Decode(raw, (*plain)(v))
}

const (
	mostEntities = 5
	viewLasts    = time.Hour // people who come back see something else
	maxViews     = 10_000    // people of whom it is known
)

// plainID is what ids are made of: nobody can say anything in one.
var plainID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// facts tells what is looked at, in ids alone.
func (v *viewing) facts() string {
	var list []string
	for i := range v.Entities {
		one := &v.Entities[i]
		if told := one.told(); told != "" && len(list) < mostEntities {
			list = append(list, told)
		}
	}
	return strings.Join(list, ", ")
}

func (e *entity) told() string {
	kind := strings.TrimSuffix(strings.TrimPrefix(e.Type.String(), "slack#/types/"), "_id")
	words := []string{kind, e.Value.id.String()}
	if kind == "message_context" {
		words = []string{"message", e.Value.Message.String(), "in", "channel", e.Value.Channel.String()}
	}
	for _, one := range words {
		if !plainID.MatchString(one) {
			return ""
		}
	}
	return strings.Join(words, " ")
}

// views are what people looked at last, as far as this process was told.
type views struct {
	mu   sync.Mutex
	last map[string]view // by workspace and user
}

type view struct {
	facts string
	at    time.Time
}

func (v *views) note(who, facts string, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil || len(v.last) >= maxViews { // Slack tells it again
		v.last = make(map[string]view)
	}
	v.last[who] = view{facts, now}
}

func (v *views) of(who string, now time.Time) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if last, ok := v.last[who]; ok && now.Sub(last.at) < viewLasts {
		return last.facts
	}
	return ""
}

// noteView remembers what an agent is told of where people are, and tells it with
// what they say. A message mostly says it itself.
func (a *Adapter) noteView(env *envelope, e *platforms.Event, m *message, now time.Time) {
	switch {
	case !a.agent:
	case m.Type == word(slackevents.AppContextChanged), m.Type == word(slackevents.AppHomeOpened) && len(m.Context.Entities) > 0:
		if user := cmp.Or(m.User.String(), env.person()); user != "" {
			a.views.note(env.tenant()+":"+user, m.Context.facts(), now)
		}
	case m.spoken() && a.inContainer(e.ChatType):
		if facts := m.AppContext.facts(); facts != "" {
			e.Facts = facts
		} else {
			e.Facts = a.views.of(env.tenant()+":"+m.User.String(), now)
		}
	}
}

// person is whom an event was for that names nobody itself.
func (env *envelope) person() string {
	for _, auth := range env.Authorizations {
		if !bool(auth.IsBot) {
			return auth.UserID.String()
		}
	}
	return ""
}
