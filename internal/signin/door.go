package signin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/peer"
)

// Options are what a door works with.
type Options struct {
	Token   string           // the admin token; "": nobody is let in
	DB      *database.DB     // migrated; for sessions and links
	Proxies peer.Proxies     // who is believed about where a request comes from
	Metrics *metrics.Metrics // nil: nothing is counted
	Logger  *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now
}

// Door lets the admin in. It is safe for concurrent use.
type Door struct {
	token    Token
	links    codes
	sessions codes
	guard    *guard
	db       *database.DB
	proxies  peer.Proxies
	now      func() time.Time
}

// New returns the door that the token opens.
func New(o Options) *Door {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.New()
	}
	return &Door{
		token: NewToken(o.Token), links: codesFor(o.Token, "sign-in link"), sessions: codesFor(o.Token, "session"),
		guard: newGuard(o.Now, o.Metrics.SignInRefused, o.Logger), db: o.DB, proxies: o.Proxies, now: o.Now,
	}
}

// Bearer reports whether r carries the admin token in its header.
func (d *Door) Bearer(r *http.Request) bool {
	token := Bearer(r.Header)
	return token != "" && d.Knows(r, token)
}

// Knows reports whether text, which came with r, is the admin token.
func (d *Door) Knows(r *http.Request, text string) bool {
	return d.guard.check(r.Context(), d.proxies.Address(r), func() bool { return d.token.Is(text) })
}

// Secure reports whether r came over TLS.
func (d *Door) Secure(r *http.Request) bool { return d.proxies.Secure(r) }

// CheckLink reports whether a link would sign in: nil, [ErrBadLink],
// [ErrOldLink], [ErrUsedLink], or a fault of the database.
func (d *Door) CheckLink(ctx context.Context, r *http.Request, code string) error {
	id, err := d.readLink(r, code)
	if err != nil {
		return err
	}
	_, used, err := d.find(ctx, kindLink, id)
	if used {
		return ErrUsedLink
	}
	return err
}

// UseLink begins a session with a link, which is used up by it.
func (d *Door) UseLink(ctx context.Context, r *http.Request, code string) (cookie string, err error) {
	id, err := d.readLink(r, code)
	if err != nil {
		return "", err
	}
	return d.begin(ctx, id)
}

// readLink counts a link that nobody made here as a wrong token.
func (d *Door) readLink(r *http.Request, code string) ([]byte, error) {
	ends, id, ok := d.links.read(code)
	switch {
	case !ok:
		d.guard.note(d.proxies.Address(r))
		return nil, ErrBadLink
	case !d.now().Before(ends):
		return nil, ErrOldLink
	default:
		return id, nil
	}
}
