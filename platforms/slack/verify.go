package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

const (
	headerSignature = "X-Slack-Signature"
	headerTimestamp = "X-Slack-Request-Timestamp"

	// freshness is how old, or how far ahead, a request may be.
	freshness = 5 * time.Minute
)

// macLen is how long a signature is: v0= and SHA-256 in hexadecimal.
const macLen = len("v0=") + 2*sha256.Size

// Precheck implements [platforms.Prechecker]: everything that Slack sends is
// signed in its headers.
func (a *Adapter) Precheck(h http.Header, now time.Time) (most int64, err error) {
	stamp, signature := h.Get(headerTimestamp), h.Get(headerSignature)
	if len(a.secret) == 0 || stamp == "" || signature == "" {
		return 0, unauthorized("the signature is missing")
	}
	if len(signature) != macLen {
		return 0, unauthorized("the signature is wrong")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 40)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > freshness {
		return 0, unauthorized("the signature is stale")
	}
	return 0, nil
}

// verify checks that a body was signed by Slack within the last five minutes.
// The SDK's verifier does the same but has no clock.
// Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
func (a *Adapter) verify(h http.Header, body []byte, now time.Time) error {
	if _, err := a.Precheck(h, now); err != nil {
		return err
	}
	mac := hmac.New(sha256.New, a.secret)
	mac.Write([]byte("v0:" + h.Get(headerTimestamp) + ":"))
	mac.Write(body)
	want := "v0=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(h.Get(headerSignature))) {
		return unauthorized("the signature is wrong")
	}
	return nil
}

func unauthorized(safe string) error {
	return failure.New(failure.Unauthorized, "invalid_signature", safe, nil)
}
