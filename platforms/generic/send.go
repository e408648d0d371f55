package generic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	// callbackTimeout bounds one callback, connecting and reading included.
	callbackTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, so that its connection can be
	// used again.
	maxAnswer = 64 << 10
	// maxWait bounds what a receiver may ask for in Retry-After.
	maxWait = 24 * time.Hour
)

// reply is the body of a callback.
type reply struct {
	Type     string   `json:"type"`
	EventID  string   `json:"event_id"`
	EventIDs []string `json:"event_ids"` // every event that the reply answers
	UserKey  string   `json:"user_key"`
	ChatID   string   `json:"chat_id"`
	ThreadID string   `json:"thread_id"`
	Text     string   `json:"text"`
}

// callbackClient returns a copy of c that does not follow redirects: a signed
// reply goes where the admin said and nowhere else.
func callbackClient(c *http.Client) *http.Client {
	own := http.Client{}
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Send POSTs the part to the callback URL; without one it does nothing, for
// the program reads its reply over HTTP. The errors are of kind failure.Retry
// or failure.Permanent. A send of unknown outcome is a Retry too, because the
// receiver knows the repeat by its webhook-id.
func (a *Adapter) Send(ctx context.Context, to platforms.Address, p platforms.Part) (messageID string, err error) {
	if a.callback == "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	req, err := a.request(ctx, to, p)
	if err != nil {
		return "", failure.New(failure.Permanent, "callback_failed", "the callback could not be made", err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return "", failure.New(failure.Retry, "callback_unreachable", "the callback got no answer", withoutURL(err))
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // only the status counts
	a.logger.DebugContext(ctx, "callback answered", slog.String("platform", a.name),
		slog.String("webhook_id", p.Key), slog.Int("status", resp.StatusCode))
	return "", a.outcome(resp)
}

// request builds the signed callback.
func (a *Adapter) request(ctx context.Context, to platforms.Address, p platforms.Part) (*http.Request, error) {
	body, err := encodeReply(to, p)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.callback, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	now := a.now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Parley")
	req.Header.Set(standardwebhooks.HeaderWebhookID, p.Key)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	var signatures []string
	for _, key := range a.keys {
		s, err := key.Sign(p.Key, now, body)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, s)
	}
	if signatures != nil {
		req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	}
	return req, nil
}

func encodeReply(to platforms.Address, p platforms.Part) ([]byte, error) {
	r := reply{
		Type: "message.reply", EventIDs: p.EventIDs,
		UserKey: to.UserKey, ChatID: to.ChatID, ThreadID: to.ThreadID, Text: p.Text,
	}
	if len(r.EventIDs) == 0 {
		r.EventIDs = []string{} // not null
	} else {
		r.EventID = r.EventIDs[0]
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode reply: %w", err)
	}
	return body, nil
}

// outcome turns the answer into nil or an error of the right kind.
func (a *Adapter) outcome(resp *http.Response) error {
	code := resp.StatusCode
	cause := fmt.Errorf("status %d", code)
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return failure.New(failure.Permanent, "callback_redirected", "the callback answered with a redirect, which is not followed", cause)
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return failure.RetryAfter(a.retryAfter(resp.Header), "callback_busy", "the callback cannot take the reply now", cause)
	default:
		return failure.New(failure.Permanent, "callback_refused", "the callback refused the reply", cause)
	}
}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds or a date.
func (a *Adapter) retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(a.now()), 0), maxWait)
}

// withoutURL takes the address out of err: it may hold a password or a token.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
