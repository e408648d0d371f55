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

// verify checks that a body was signed by Slack within the last five minutes.
// The SDK's verifier does the same but has no clock.
// Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
func (a *Adapter) verify(h http.Header, body []byte, now time.Time) error {
	stamp, signature := h.Get(headerTimestamp), h.Get(headerSignature)
	if len(a.secret) == 0 || stamp == "" || signature == "" {
		return unauthorized("the signature is missing")
	}
	mac := hmac.New(sha256.New, a.secret)
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	want := "v0=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(signature)) {
		return unauthorized("the signature is wrong")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 40)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > freshness {
		return unauthorized("the signature is stale")
	}
	return nil
}

func unauthorized(safe string) error {
	return failure.New(failure.Unauthorized, "invalid_signature", safe, nil)
}
