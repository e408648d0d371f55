package slack

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// Platform is the name of this platform in events and user keys.
const Platform = "slack"

// SendTimeout bounds one Send, whatever the caller's context allows.
const SendTimeout = 10 * time.Second

// Options say how to reach Slack.
type Options struct {
	// SigningSecret proves that a webhook is Slack's. Without one, none is.
	SigningSecret string
	// BotToken is the bot's OAuth token (xoxb-…).
	BotToken string
	// APIURL is where the Web API is; "" means Slack's own.
	APIURL string
	// HTTPClient is used for all calls; nil means one with a timeout.
	// Redirects are never followed, whatever it says.
	HTTPClient *http.Client
	// Now is the clock; nil means the system's.
	Now func() time.Time
	// Logger gets what nobody else is told; nil means nobody.
	Logger *slog.Logger
}

// Adapter is the Slack platform. It is safe for concurrent use.
type Adapter struct {
	secret  []byte
	token   string
	api     *url.URL
	http    *http.Client
	now     func() time.Time
	log     *slog.Logger
	botUser atomic.Pointer[string] // known after AuthTest
	teamID  atomic.Pointer[string] // likewise
	locales locales
}

var _ platforms.Adapter = (*Adapter)(nil)

// New returns an adapter. It does not call Slack. The error is of kind
// failure.Invalid.
func New(o Options) (*Adapter, error) {
	if o.BotToken == "" {
		return nil, failure.New(failure.Invalid, "invalid_option", "the Slack bot token is missing", nil)
	}
	api, err := parseAPI(o.APIURL)
	if err != nil {
		return nil, err
	}
	a := &Adapter{
		secret: []byte(o.SigningSecret), token: o.BotToken, api: api,
		http: secureClient(o.HTTPClient), now: o.Now, log: o.Logger,
	}
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

// secureClient returns a copy of c that has a timeout and follows no redirect:
// a redirect could carry the token, or what a reply says, to another host.
func secureClient(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	own := *c
	if own.Timeout == 0 {
		own.Timeout = SendTimeout
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// client returns an SDK client for one call, made through x.
func (a *Adapter) client(x *exchange) *slackgo.Client {
	return slackgo.New(a.token, slackgo.OptionAPIURL(a.api.String()), slackgo.OptionHTTPClient(x))
}

// AuthTest asks Slack who the token belongs to, and remembers the bot's user
// id for messages that do not tell it themselves.
// Source: https://docs.slack.dev/reference/methods/auth.test
func (a *Adapter) AuthTest(ctx context.Context) (botUserID, team string, err error) {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	x := a.exchange()
	r, err := a.client(x).AuthTestContext(ctx)
	if err != nil {
		return "", "", x.classify(err)
	}
	if r.UserID == "" {
		return "", "", unreadable(nil)
	}
	a.teamID.Store(&r.TeamID)
	if r.BotID != "" { // a person's token names the person, who must be answered
		a.botUser.Store(&r.UserID)
	}
	return r.UserID, r.Team, nil
}

// TeamID returns the id of the workspace that the token belongs to, as far as
// AuthTest has told.
func (a *Adapter) TeamID() string {
	if id := a.teamID.Load(); id != nil {
		return *id
	}
	return ""
}
