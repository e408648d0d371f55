package generic

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	// tolerance is how far a request's time may be from ours, either way.
	tolerance = 5 * time.Minute

	secretPrefix = "whsec_"
	// The sizes of a secret in bytes, from the Standard Webhooks specification.
	minSecret, maxSecret = 24, 64
)

var (
	errUnsigned  = failure.New(failure.Unauthorized, "unsigned", platforms.HowToProve, nil)
	errTime      = failure.New(failure.Unauthorized, "bad_timestamp", "webhook-timestamp must be seconds since 1970", nil)
	errStale     = failure.New(failure.Unauthorized, "stale", "webhook-timestamp differs from the server's time by more than 5 minutes", nil)
	errSignature = failure.New(failure.Unauthorized, "bad_signature", "the signature is wrong", nil)

	errOtherEvent = failure.New(failure.Unauthorized, "other_event", "webhook-id must be the id of the requested event", nil)
)

// parseSecrets returns a key for each secret in s, none for "".
func parseSecrets(s string) ([]*standardwebhooks.Webhook, error) {
	if s == "" {
		return nil, nil
	}
	secrets := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(secrets) == 0 {
		return nil, errors.New("the secret is blank; leave it empty or set one")
	}
	var keys []*standardwebhooks.Webhook
	for i, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d %w", i+1, len(secrets), err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parseSecret(s string) (*standardwebhooks.Webhook, error) {
	encoded, ok := strings.CutPrefix(s, secretPrefix)
	if !ok {
		return nil, errors.New("must begin with " + secretPrefix)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("must be base64 after " + secretPrefix)
	}
	if len(raw) < minSecret || len(raw) > maxSecret {
		return nil, fmt.Errorf("must be %d to %d bytes in base64, not %d", minSecret, maxSecret, len(raw))
	}
	return standardwebhooks.NewWebhookRaw(raw)
}

// Opens reports whether token is the source's own.
func (a *Adapter) Opens(token string) bool {
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(a.token)) // of one length, which tells nothing
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1 && a.token != ""
}

// VerifyStatus checks a request without a body that asks for one event: admitted
// by a token, or signed over the empty string with the event's id as webhook-id,
// so that what was signed for one event opens no other. Its error is of kind
// failure.Unauthorized.
func (a *Adapter) VerifyStatus(r platforms.Request, eventID string) error {
	r.Body = nil
	if _, err := a.verify(r); err != nil {
		return err
	}
	if !r.Admitted && standard(r.Header).Get(standardwebhooks.HeaderWebhookID) != eventID {
		return errOtherEvent
	}
	return nil
}

// verify checks that r is genuine and fresh and returns when it was sent.
func (a *Adapter) verify(r platforms.Request) (sentAt time.Time, err error) {
	now := r.Now
	if now.IsZero() {
		now = a.now()
	}
	if r.Admitted {
		return now, nil
	}
	if len(a.keys) == 0 { // nothing can be signed here, and whether that is so is nobody's business
		return time.Time{}, errUnsigned
	}
	signed := standard(r.Header)
	sentAt, err = freshStamp(signed, now)
	if err != nil {
		return time.Time{}, err
	}
	for _, key := range a.keys { // the library compares in constant time, but has no clock
		if key.VerifyIgnoringTimestamp(r.Body, signed) == nil {
			return sentAt, nil
		}
	}
	return time.Time{}, errSignature
}

// Precheck implements [platforms.Prechecker]: what no token admits is signed in
// its headers.
func (a *Adapter) Precheck(h http.Header, now time.Time) (most int64, err error) {
	if len(a.keys) == 0 {
		return 0, errUnsigned
	}
	_, err = freshStamp(standard(h), now)
	return 0, err
}

// standard returns headers with what was signed under its standard names. A
// sender that has none of these may call all three svix-…, as those do that are
// older than the standard; the two sets are never mixed.
// Source: https://www.standardwebhooks.com
func standard(h http.Header) http.Header {
	names := []string{standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature}
	renamed := http.Header{}
	for _, name := range names {
		if h.Get(name) != "" {
			return h
		}
		renamed.Set(name, h.Get("svix"+strings.TrimPrefix(name, "webhook")))
	}
	return renamed
}

// freshStamp returns when a request was sent whose headers may hold a signature.
func freshStamp(h http.Header, now time.Time) (time.Time, error) {
	sentAt, err := readStamp(h)
	if err != nil {
		return time.Time{}, err
	}
	if age := now.Sub(sentAt); age > tolerance || age < -tolerance {
		return time.Time{}, errStale
	}
	if !maySign(h.Get(standardwebhooks.HeaderWebhookSignature)) {
		return time.Time{}, errSignature
	}
	return sentAt, nil
}

// maySign reports whether one of the signatures, separated by spaces, has the
// form of one: v1 and SHA-256 in base64.
func maySign(signatures string) bool {
	for one := range strings.FieldsSeq(signatures) {
		encoded, ok := strings.CutPrefix(one, "v1,")
		if ok && len(encoded) == base64.StdEncoding.EncodedLen(sha256.Size) {
			return true
		}
	}
	return false
}

func readStamp(h http.Header) (time.Time, error) {
	stamp := h.Get(standardwebhooks.HeaderWebhookTimestamp)
	if stamp == "" || h.Get(standardwebhooks.HeaderWebhookID) == "" || h.Get(standardwebhooks.HeaderWebhookSignature) == "" {
		return time.Time{}, errUnsigned
	}
	if len(stamp) > 12 || strings.Trim(stamp, "0123456789") != "" {
		return time.Time{}, errTime
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return time.Time{}, errTime
	}
	return time.Unix(seconds, 0).UTC(), nil
}
