package slack

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
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
	usersRead        = "users:read"
)

// locales is what is known of people's locales. No event of Slack's tells one.
type locales struct {
	allowed atomic.Bool // the token's scopes let us ask

	mu    sync.Mutex
	known map[string]knownLocale // by user id
	quiet time.Time              // nobody is asked for until then
}

type knownLocale struct {
	tag   string // "" = it could not be learnt
	until time.Time
}

// Locale returns the locale that a person has set in Slack, "" when it cannot
// be learnt now. Slack is asked only if the token may, for two seconds at most
// and once a day for each person.
func (a *Adapter) Locale(ctx context.Context, userID string) string {
	now := a.now()
	tag, ask := a.locales.find(userID, now)
	if !ask {
		return tag
	}
	tag, err := a.askLocale(ctx, userID)
	switch {
	case err == nil:
		a.locales.keep(userID, tag, now.Add(localeKept))
	case ctx.Err() == nil: // else the caller has gone, which says nothing of Slack
		a.log.DebugContext(ctx, "slack does not tell a person's locale", slog.Any("error", err))
		a.locales.missed(userID, err, now)
	}
	return tag
}

// askLocale asks for it. What is no locale counts as none.
// Source: https://docs.slack.dev/reference/methods/users.info
func (a *Adapter) askLocale(ctx context.Context, userID string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, localeTimeout)
	defer cancel()
	x := a.exchange()
	user, err := a.client(x).GetUserInfoContext(ctx, userID) // with include_locale
	if err != nil {
		return "", x.classify(err)
	}
	if user.ID == "" { // the SDK takes {"ok": false} without a reason for success
		return "", unreadable(nil)
	}
	tag, _ := platforms.ParseLocale(user.Locale)
	return tag, nil
}

// heed takes note of the scopes that an answer of the Web API names.
// Source: https://docs.slack.dev/legacy/legacy-authentication/legacy-oauth-scopes
func (l *locales) heed(h http.Header) {
	if named := h[scopesHeader]; len(named) > 0 {
		scopes := strings.Split(strings.ReplaceAll(named[0], " ", ""), ",")
		l.allowed.Store(slices.Contains(scopes, usersRead))
	}
}

// find returns what is known, and whether Slack is to be asked because nothing
// is.
func (l *locales) find(userID string, now time.Time) (tag string, ask bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k, ok := l.known[userID]; ok && now.Before(k.until) {
		return k.tag, false
	}
	return "", l.allowed.Load() && !now.Before(l.quiet)
}

func (l *locales) keep(userID, tag string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxLocales { // to ask again now and then is cheaper than to keep book
		l.known = make(map[string]knownLocale)
	}
	l.known[userID] = knownLocale{tag, until}
}

// missed sees to it that a failure is not repeated at once: neither for the
// same person, nor, when Slack asks to wait or is not there, for anybody.
func (l *locales) missed(userID string, err error, now time.Time) {
	if failure.KindOf(err) != failure.Retry {
		l.keep(userID, "", now.Add(localeMissedKept))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = now.Add(cmp.Or(failure.WaitOf(err), localeMissedKept))
}
