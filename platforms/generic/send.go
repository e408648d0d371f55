package generic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
)

const (
	// callbackTimeout bounds one callback, connecting and reading included.
	callbackTimeout = 15 * time.Second
	// maxAnswer is how much of an answer is read, so that its connection can be
	// used again.
	maxAnswer = 64 << 10
)

// callback is the body of a callback: a message.reply with a text, or a
// message.failed with the reason why there is none.
type callback struct {
	Type     string   `json:"type"`
	EventID  string   `json:"event_id"`
	EventIDs []string `json:"event_ids"` // every event that it is about
	UserKey  string   `json:"user_key"`
	ChatID   string   `json:"chat_id"`
	ThreadID string   `json:"thread_id"`
	Text     *string  `json:"text,omitempty"`
	Error    *reason  `json:"error,omitempty"`
}

type reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
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
		return "", failure.New(failure.Retry, "callback_unreachable", "the callback got no answer", call.WithoutAddress(err))
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
		return nil, call.WithoutAddress(err)
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
	r := callback{
		Type: "message.reply", EventIDs: p.EventIDs,
		UserKey: to.UserKey, ChatID: to.ChatID, ThreadID: to.ThreadID, Text: &p.Text,
	}
	if p.Failed != "" {
		r.Type, r.Text, r.Error = "message.failed", nil, &reason{Code: p.Failed, Message: p.Text}
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

// outcome turns the answer into nil or an error of the right kind. A receiver in
// the middle of a deploy answers anything; only 410 says that it will never take it.
// Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
func (a *Adapter) outcome(resp *http.Response) error {
	code := resp.StatusCode
	cause := fmt.Errorf("status %d", code)
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusGone:
		return failure.New(failure.Permanent, "callback_gone", "the callback accepts no more replies (410)", cause)
	case code >= 300 && code < 400:
		return failure.New(failure.Retry, "callback_redirected", "the callback answered with a redirect, which is not followed", cause)
	default:
		return failure.RetryAfter(call.RetryAfter(resp.Header, a.now()), "callback_refused", "the callback did not accept the reply", cause)
	}
}
