package fakecallback

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed request.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// tolerance is how far a callback's time may be from ours, either way.
const tolerance = 5 * time.Minute

// SignedRequest returns a POST of body to a source of the generic platform as
// a program with the secret (whsec_…) would send it at now. With the secret ""
// it is not signed.
func SignedRequest(ctx context.Context, secret, id string, now time.Time, url string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("fake program: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if secret == "" {
		return req, nil
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	signature, err := Sign(secret, id, stamp, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set(HeaderID, id)
	req.Header.Set(HeaderTimestamp, stamp)
	req.Header.Set(HeaderSignature, signature)
	return req, nil
}

// Sign returns one signature, "v1," and base64, over id, stamp (seconds since
// 1970) and body.
func Sign(secret, id, stamp string, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return "", errors.New("fake program: the secret is not base64")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// verify says what is wrong with the signature of a callback.
func verify(secret string, h http.Header, now time.Time, body []byte) error {
	if h.Get(HeaderID) == "" || h.Get(HeaderTimestamp) == "" {
		return errors.New("webhook-id or webhook-timestamp is missing")
	}
	seconds, err := strconv.ParseInt(h.Get(HeaderTimestamp), 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp is no number")
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("webhook-timestamp is stale")
	}
	if secret == "" {
		return nil
	}
	want, err := Sign(secret, h.Get(HeaderID), h.Get(HeaderTimestamp), body)
	if err != nil {
		return err
	}
	for given := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return nil
		}
	}
	return errors.New("no signature is right")
}
