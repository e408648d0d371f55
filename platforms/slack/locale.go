package slack

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	localeTimeout    = 2 * time.Second  // somebody waits for an answer meanwhile
	localeKept       = 24 * time.Hour   // people seldom change it
	localeMissedKept = 5 * time.Minute  // after a failure
	maxLocales       = 10_000           // people whose locale is kept
	scopesHeader     = "X-Oauth-Scopes" // in its canonical form
	methodRoom       = "conversations.info"
)

// locales is what is known of people's locales and names, or of channels' names.
// Hardly any event of Slack's tells one.
type locales struct {
	scopes  []string    // of which one lets us ask
	allowed atomic.Bool // the token has one

	mu    sync.Mutex
	known map[string]knownLocale // by id
	quiet time.Time              // nobody is asked for until then
}

type knownLocale struct {
	tag   string // "" = it could not be learnt
	name  string // likewise
	until time.Time
}

// Locale returns the locale that a person has set in Slack, "" when it cannot
// be learnt now. Slack is asked only if the token may, for two seconds at most
// and once a day for each person.
func (a *Adapter) Locale(ctx context.Context, userID string) string { return a.person(ctx, userID).tag }

// Name returns the name that a person goes by in Slack, "" when it cannot be
// learnt now. It is asked for together with the locale.
func (a *Adapter) Name(ctx context.Context, userID string) string { return a.person(ctx, userID).name }

func (a *Adapter) person(ctx context.Context, userID string) knownLocale {
	return a.learn(ctx, &a.locales, userID, a.askPerson)
}

// room returns the name of a channel, "" when it cannot be learnt now. It is asked
// for as people's names are.
func (a *Adapter) room(ctx context.Context, channel string) string {
	return a.learn(ctx, &a.rooms, channel, a.askRoom).name
}

// learn returns what is known under an id, and asks where nothing is.
func (a *Adapter) learn(ctx context.Context, l *locales, id string, ask func(context.Context, string) (knownLocale, error)) knownLocale {
	now := a.now()
	known, unknown := l.find(id, now)
	if !unknown {
		return known
	}
	known, err := ask(ctx, id)
	switch {
	case err == nil:
		known.until = now.Add(localeKept)
		l.keep(id, known)
	case ctx.Err() == nil: // else the caller has gone, which says nothing of Slack
		a.log.DebugContext(ctx, "slack did not say who a person or what a channel is", slog.Any("error", err))
		l.missed(id, err, now)
	}
	return known
}

// askRoom asks what a channel is called.
// Source: https://docs.slack.dev/reference/methods/conversations.info
func (a *Adapter) askRoom(ctx context.Context, channel string) (knownLocale, error) {
	ctx, cancel := context.WithTimeout(ctx, localeTimeout)
	defer cancel()
	var answer struct {
		Channel struct {
			Name word `json:"name"`
		} `json:"channel"`
	}
	form := url.Values{"channel": {channel}}
	err := a.call(ctx, methodRoom, platforms.Address{}, form, &answer)
	return knownLocale{name: answer.Channel.Name.String()}, err
}

// askPerson asks who somebody is. What is no locale counts as none.
// Source: https://docs.slack.dev/reference/methods/users.info
func (a *Adapter) askPerson(ctx context.Context, userID string) (knownLocale, error) {
	ctx, cancel := context.WithTimeout(ctx, localeTimeout)
	defer cancel()
	x := a.exchange(methodScope("", "users.info"))
	user, err := a.client(x).GetUserInfoContext(ctx, userID) // with include_locale
	if err != nil {
		return knownLocale{}, x.classify(err)
	}
	if user.ID == "" { // the SDK takes {"ok": false} without a reason for success
		return knownLocale{}, unreadable(nil)
	}
	tag, _ := platforms.ParseLocale(user.Locale)
	return knownLocale{tag: tag, name: cmp.Or(user.Profile.DisplayName, user.Profile.RealName, user.RealName, user.Name)}, nil
}

func (a *Adapter) heed(h http.Header) {
	a.locales.heed(h)
	a.rooms.heed(h)
}

// heed takes note of the scopes that an answer of the Web API names.
// Source: https://docs.slack.dev/legacy/legacy-authentication/legacy-oauth-scopes
func (l *locales) heed(h http.Header) {
	if named := h[scopesHeader]; len(named) > 0 {
		scopes := strings.Split(strings.ReplaceAll(named[0], " ", ""), ",")
		l.allowed.Store(slices.ContainsFunc(l.scopes, func(one string) bool { return slices.Contains(scopes, one) }))
	}
}

// find returns what is known, and whether Slack is to be asked because nothing
// is.
func (l *locales) find(userID string, now time.Time) (known knownLocale, ask bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k, ok := l.known[userID]; ok && now.Before(k.until) {
		return k, false
	}
	return knownLocale{}, l.allowed.Load() && !now.Before(l.quiet)
}

func (l *locales) keep(userID string, known knownLocale) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxLocales { // to ask again now and then is cheaper than to keep book
		l.known = make(map[string]knownLocale)
	}
	l.known[userID] = known
}

// missed sees to it that a failure is not repeated at once: neither for the
// same person, nor, when Slack asks to wait or is not there, for anybody.
func (l *locales) missed(userID string, err error, now time.Time) {
	if failure.KindOf(err) != failure.Retry {
		l.keep(userID, knownLocale{until: now.Add(localeMissedKept)})
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = now.Add(cmp.Or(failure.WaitOf(err), localeMissedKept))
}
