package generic

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
)

// Options configure one source.
type Options struct {
	// Name is the platform part of the user key and the source in the path.
	Name string
	// Secret is whsec_ and base64 of 24 to 64 bytes. Several, separated by
	// spaces or commas, are all accepted and all sign: that is how a secret
	// is replaced. "" = nothing can be signed for this source.
	Secret string
	// Token is the bearer of programs that cannot sign; "" = none. It opens
	// this source and nothing else.
	Token string
	// CallbackURL is where replies are POSTed; "" = nowhere. It is the admin's
	// own choice, so it may be a private address.
	CallbackURL string

	HTTPClient *http.Client     // for callbacks; nil = one of our own. Redirects are not followed
	Now        func() time.Time // nil = time.Now
	NewID      func() string    // ids of events that come without one; nil = random
	Logger     *slog.Logger     // nil = nothing is logged
}

// Adapter is one source of the generic platform. It is safe for concurrent use.
type Adapter struct {
	name     string
	keys     []*standardwebhooks.Webhook // none = no signature opens this source
	token    string                      // "" = none
	callback string
	client   *http.Client
	now      func() time.Time
	newID    func() string
	logger   *slog.Logger
}

var (
	_ platforms.Adapter      = (*Adapter)(nil)
	_ platforms.SilentSender = (*Adapter)(nil)
)

// New returns the adapter of one source. Its error says what is wrong with the
// options and never holds the secret.
func New(o Options) (*Adapter, error) {
	if o.Name == "" || len(o.Name) > platforms.MaxPlatformLen {
		return nil, fmt.Errorf("generic source: the name must be 1 to %d bytes", platforms.MaxPlatformLen)
	}
	keys, err := parseSecrets(o.Secret)
	if err != nil {
		return nil, fmt.Errorf("generic source %q: %w", o.Name, err)
	}
	if err := checkCallback(o.CallbackURL); err != nil {
		return nil, fmt.Errorf("generic source %q: %w", o.Name, err)
	}
	a := &Adapter{
		name: o.Name, keys: keys, token: o.Token, callback: o.CallbackURL,
		client: call.Client(o.HTTPClient, callbackTimeout), now: o.Now, newID: o.NewID, logger: o.Logger,
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.newID == nil {
		a.newID = func() string { return "evt_" + rand.Text() }
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	return a, nil
}

// checkCallback never repeats the URL, which may hold a password or a token.
func checkCallback(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("the callback url must be http:// or https:// with a host")
	}
	return nil
}

// Split returns the reply whole, since a program takes any length.
func (a *Adapter) Split(reply string) []string { return []string{reply} }

// Silent implements [platforms.SilentSender]: without a callback the reply is
// read over HTTP.
func (a *Adapter) Silent() bool { return a.callback == "" }

// Find always says that the part is to be sent: a repeat carries the same
// webhook-id, by which the receiver knows it.
func (a *Adapter) Find(context.Context, platforms.Address, platforms.Part, time.Time) (platforms.Finding, string, error) {
	return platforms.Missing, "", nil
}
