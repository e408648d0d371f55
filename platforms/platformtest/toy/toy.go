// Package toy is the smallest whole platform: what a new one has to bring. It
// shows that nothing outside its folder and one line of a registry has to
// know it.
package toy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// The headers that prove a request: seconds since 1970, and HMAC-SHA-256 over
// them, a dot and the body.
const (
	HeaderTime      = "X-Toy-Time"
	HeaderSignature = "X-Toy-Signature"
)

// Freshness is how old, or how far ahead, a request may be.
const Freshness = 5 * time.Minute

// Body is what the platform posts.
type Body struct {
	ID, From, Text string
}

// Adapter is the platform. What it is told to show it keeps.
type Adapter struct {
	Name   string // of the platform
	Secret string
	// Told gets one for each part that is shown; nil: nobody waits for them.
	Told chan<- struct{}

	mu    sync.Mutex
	shown []platforms.Part
}

var _ platforms.Adapter = (*Adapter)(nil)

// Sign returns the headers of a genuine request.
func Sign(secret string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return http.Header{HeaderTime: {stamp}, HeaderSignature: {hex.EncodeToString(mac.Sum(nil))}}
}

// Receive implements [platforms.Receiver].
func (a *Adapter) Receive(_ context.Context, r platforms.Request) (platforms.Inbound, error) {
	stamp := r.Header.Get(HeaderTime)
	seconds, err := strconv.ParseInt(stamp, 10, 40)
	at := time.Unix(seconds, 0)
	if err != nil || strconv.FormatInt(seconds, 10) != stamp || r.Now.Sub(at).Abs() > Freshness ||
		!hmac.Equal([]byte(r.Header.Get(HeaderSignature)), []byte(Sign(a.Secret, at, r.Body).Get(HeaderSignature))) {
		return platforms.Inbound{}, failure.New(failure.Unauthorized, "bad_signature", "the signature is wrong", err)
	}
	var b *Body
	if err := json.Unmarshal(r.Body, &b); err != nil || b == nil {
		return platforms.Inbound{}, failure.New(failure.Invalid, "invalid_body", "the body is no event", err)
	}
	e := platforms.Event{
		Platform: a.Name, ID: b.ID, Kind: platforms.KindMessage, ChatType: platforms.Private, ChatID: b.From, SenderID: b.From,
		Text: b.Text, SentAt: at.UTC(), ReplyTo: platforms.Address{ChatID: b.From},
	}
	if err := e.Validate(); err != nil {
		return platforms.Inbound{}, err
	}
	return platforms.Inbound{Events: []platforms.Event{e}}, nil
}

// Split implements [platforms.Sender]: a message may have any length.
func (a *Adapter) Split(reply string) []string { return []string{reply} }

// Send implements [platforms.Sender]. A part is shown once, whatever comes.
func (a *Adapter) Send(_ context.Context, _ platforms.Address, p platforms.Part) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, known := range a.shown {
		if known.Key == p.Key {
			return p.Key, nil
		}
	}
	a.shown = append(a.shown, p)
	if a.Told != nil {
		a.Told <- struct{}{}
	}
	return p.Key, nil
}

// Find implements [platforms.Sender]: a repeat has no second effect.
func (a *Adapter) Find(context.Context, platforms.Address, platforms.Part, time.Time) (platforms.Finding, string, error) {
	return platforms.Missing, "", nil
}

// Shown returns what people see, in order.
func (a *Adapter) Shown() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var texts []string
	for _, p := range a.shown {
		texts = append(texts, p.Text)
	}
	return texts
}
