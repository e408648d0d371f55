package web

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/peer"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/platforms"
)

// Intake stores what webhooks bring.
type Intake interface {
	// Take stores a delivery durably before it returns, one result for each
	// event, in order. Its error is what the sender is told.
	Take(ctx context.Context, in intake.Delivery) ([]inbox.Accepted, error)
	// Refuse counts and logs a webhook that was not genuine or could not be read.
	Refuse(ctx context.Context, source string, err error)
}

// Gateway knows what became of events.
type Gateway interface {
	// Wait returns when the reply to a exists or its event is final, else with
	// the error of ctx. onDelta may be nil; otherwise it is given the reply's
	// text as it grows, one call at a time and none after Wait has returned.
	Wait(ctx context.Context, a inbox.Accepted, onDelta func(text string)) (gateway.Status, error)
	// Late completes the answer to what was accepted.
	Late(ctx context.Context, in *platforms.Inbound, accepted []inbox.Accepted)
	// Status tells what became of an event; failure.NotFound when there is none.
	Status(ctx context.Context, platform, eventID string) (gateway.Status, error)
}

// Source is one source of the generic platform.
type Source interface {
	platforms.Receiver
	// Opens reports in constant time whether token is the source's own bearer.
	Opens(token string) bool
	// VerifyStatus checks that a request without a body may know what became
	// of the event with this id. Its error is of kind failure.Unauthorized.
	VerifyStatus(r platforms.Request, eventID string) error
}

// Options say what a server serves. Times and sizes of 0 mean the default.
type Options struct {
	Listen        string        // host:port for [Server.Listen]
	BodyLimit     int64         // bytes of a webhook's body; default 1 MiB
	Unverified    int64         // bytes of memory for bodies that are not known to be genuine; default 64 MiB
	Connections   int           // at once, operators apart; default [conns.Most]
	HeaderTimeout time.Duration // for a request's headers to arrive; default 10 s
	BodyTimeout   time.Duration // for its body; default 30 s
	KeepAlive     time.Duration // between comments on an event stream; default 15 s
	Grace         time.Duration // for running requests when the server stops; default 10 s
	Proxies       peer.Proxies  // who is believed about where a request comes from

	Intake  Intake
	Gateway Gateway
	// Receivers are the platforms by name, nil those that are off: NAME is reached
	// at /webhooks/NAME, and NAME.APP at /webhooks/NAME/APP.
	Receivers map[string]platforms.Receiver
	Sources   map[string]Source // of the generic platform, by name

	Admin   http.Handler // pages and API; nil: none
	Door    *signin.Door // the admin token opens every generic source, the metrics and the detail of health
	Metrics *metrics.Metrics
	Ready   func(ctx context.Context) error // nil: always
	// Health is the detail of a ready server; nil: none.
	Health func(ctx context.Context) (gateway.Health, error)
	// Listeners tells how the apps are connected whose events come without a
	// public address; nil: nobody asks.
	Listeners func() []Connection
	// Removed tells which apps their platform has taken away; nil: nobody asks.
	Removed func() []Removal

	Logger *slog.Logger     // nil: none
	Now    func() time.Time // nil: time.Now
	NewID  func() string    // request ids; nil: random
}

func (o *Options) complete() error {
	if o.Intake == nil || o.Gateway == nil || o.Metrics == nil {
		return errors.New("web: an intake, a gateway and metrics are needed")
	}
	setDefault(&o.BodyLimit, 1<<20)
	setDefault(&o.Unverified, 64<<20)
	setDefault(&o.HeaderTimeout, 10*time.Second)
	setDefault(&o.BodyTimeout, 30*time.Second)
	setDefault(&o.KeepAlive, 15*time.Second)
	setDefault(&o.Grace, 10*time.Second)
	if o.Door == nil {
		o.Door = signin.New(signin.Options{}) // opens to nobody
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	if o.Ready == nil {
		o.Ready = func(context.Context) error { return nil }
	}
	return nil
}

func setDefault[T ~int64](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}
