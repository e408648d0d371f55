package slack

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
)

// Platform is the name of this platform in events and user keys.
const Platform = "slack"

// SendTimeout bounds one Send, whatever the caller's context allows.
const SendTimeout = 10 * time.Second

// Options say how to reach Slack.
type Options struct {
	// Name is the platform's name in events and user keys; "" means [Platform].
	// A further app has one of its own.
	Name string
	// SigningSecret proves that a webhook is Slack's. Without one, none is.
	SigningSecret string
	// BotToken is the bot's OAuth token (xoxb-…), which Slack gives out only once
	// the app exists and its request URL is verified. Without one nothing but
	// that challenge is answered.
	BotToken string
	// APIURL is where the Web API is; "" means Slack's own.
	APIURL string
	// HTTPClient is used for all calls; nil means one with a timeout.
	// Redirects are never followed, whatever it says.
	HTTPClient *http.Client
	// Stream says how replies grow; "" means [StreamAuto].
	Stream Mode
	// Agent says that the app has Slack's agent container.
	Agent bool
	// Now is the clock; nil means the system's.
	Now func() time.Time
	// Logger gets what nobody else is told; nil means nobody.
	Logger *slog.Logger
}

// Adapter is the Slack platform. It is safe for concurrent use.
type Adapter struct {
	name    string
	secret  []byte
	token   string
	api     *url.URL
	http    *http.Client
	now     func() time.Time
	log     *slog.Logger
	botUser atomic.Pointer[string] // known after AuthTest
	teamID  atomic.Pointer[string] // likewise
	granted atomic.Pointer[string] // the token's scopes, as far as AuthTest has told
	locales locales
	rooms   locales // channels, of which the locale is never known
	views   views
	mode    Mode
	streams streams
	agent   bool
	removed removals
	signs   shownSigns
	absent  set // methods that a workspace does not have
	strange platforms.Strange
}

var (
	_ platforms.Adapter = (*Adapter)(nil)
	_ platforms.Checker = (*Adapter)(nil)
)

// New returns an adapter. It does not call Slack. The error is of kind
// failure.Invalid.
func New(o Options) (*Adapter, error) {
	if o.BotToken == "" && o.SigningSecret == "" {
		return nil, failure.New(failure.Invalid, "invalid_option", "the Slack signing secret and bot token are missing", nil)
	}
	api, err := parseAPI(o.APIURL)
	if err != nil {
		return nil, err
	}
	a := &Adapter{
		name: cmp.Or(o.Name, Platform), secret: []byte(o.SigningSecret), token: o.BotToken, api: api,
		http: call.Client(o.HTTPClient, SendTimeout), now: o.Now, log: o.Logger, mode: cmp.Or(o.Stream, StreamAuto), agent: o.Agent,
	}
	a.locales.scopes, a.rooms.scopes = []string{"users:read"}, []string{"channels:read", "groups:read"}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	return a, nil
}

// parseAPI returns the API's base URL with a trailing slash.
func parseAPI(raw string) (*url.URL, error) {
	if raw == "" {
		raw = slackgo.APIURL
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, failure.New(failure.Invalid, "invalid_option", "the Slack API URL must be an absolute http or https URL", err)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

// CanAnswer reports whether there is a token to answer with.
func (a *Adapter) CanAnswer() bool { return a.token != "" }

// client returns an SDK client for one call, made through x.
func (a *Adapter) client(x *exchange, more ...slackgo.Option) *slackgo.Client {
	return slackgo.New(a.token, append(more, slackgo.OptionAPIURL(a.api.String()), slackgo.OptionHTTPClient(x))...)
}

// AuthTest asks Slack who the token belongs to, and remembers the bot's user
// id for messages that do not tell it themselves.
// Source: https://docs.slack.dev/reference/methods/auth.test
func (a *Adapter) AuthTest(ctx context.Context) (botUserID, team string, err error) {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	x := a.exchange(methodScope("", "auth.test"))
	granted := ""
	note := slackgo.OptionOnResponseHeaders(func(_ string, h http.Header) { granted = h.Get("X-OAuth-Scopes") })
	r, err := a.client(x, note).AuthTestContext(ctx)
	if err != nil {
		return "", "", x.classify(err)
	}
	if r.UserID == "" {
		return "", "", unreadable(nil)
	}
	a.teamID.Store(&r.TeamID)
	a.granted.Store(&granted)
	if r.BotID != "" { // a person's token names the person, who must be answered
		a.botUser.Store(&r.UserID)
	}
	return r.UserID, r.Team, nil
}

// Check implements [platforms.Checker].
func (a *Adapter) Check(ctx context.Context) platforms.Checkup {
	if !a.CanAnswer() {
		return platforms.Checkup{Doubts: []platforms.Advice{{
			Problem: "without a bot token only the challenge of the request URL is answered", Remedy: "install the app and set bot_token",
		}}}
	}
	user, team, err := a.AuthTest(ctx)
	if err != nil {
		return platforms.Checkup{Faults: []platforms.Advice{{
			Problem: fmt.Sprintf("auth.test: %s", err), Remedy: "check bot_token (xoxb-…, on OAuth & Permissions)", Err: err,
		}}}
	}
	c := platforms.Checkup{Bot: user + " in " + team, Tenant: a.TeamID()}
	if a.botUser.Load() == nil {
		c.Faults = append(c.Faults, platforms.Advice{
			Problem: "bot_token is not the token of a bot", Remedy: "put the Bot User OAuth Token (xoxb-…) of OAuth & Permissions there",
		})
	}
	a.scopes(&c)
	return c
}

// TeamID returns the id of the workspace that the token belongs to, as far as
// AuthTest has told.
func (a *Adapter) TeamID() string {
	if id := a.teamID.Load(); id != nil {
		return *id
	}
	return ""
}
