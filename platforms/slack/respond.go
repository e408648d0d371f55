package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-bot/parley/internal/lenient"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
)

// What an address holds beside: Slack's short-lived answer URL, already checked.
const (
	responseURL = "response_url" // of something private
	spareURL    = "spare_url"    // of something else, for a place where the bot may not write
)

// extra holds a value, unless there is none.
func extra(name, value string) map[string]string {
	if value == "" {
		return nil
	}
	return map[string]string{name: value}
}

// checked returns a response URL if an answer may be sent there, else "": over
// TLS to the host for it that belongs to the API's, or to the API's own scheme,
// host and port. Who forges one would read the answer.
func (a *Adapter) checked(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Host == "" {
		return ""
	}
	to := endpoint(u)
	if to == endpoint(a.api) || to != "" && to == hooksOf(a.api) {
		return raw
	}
	return ""
}

// hooksOf returns the endpoint of the response URLs that Slack gives out beside
// an API, "" when it is none of Slack's.
func hooksOf(api *url.URL) string {
	host := strings.ToLower(api.Hostname())
	for _, domain := range []string{"slack.com", "slack-gov.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return "https://hooks." + domain + ":443"
		}
	}
	return ""
}

// endpoint returns scheme, host and port of an address, the port also where it
// is the scheme's default; "" when it is no web address.
func endpoint(u *url.URL) string {
	port := u.Port()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return ""
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// respond answers a slash command, a shortcut or a button at its response URL,
// for the person alone.
// It reports taken = false without an error when Slack definitely refused: the
// URL works for 30 minutes and five messages.
// Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
func (a *Adapter) respond(ctx context.Context, target, text string) (taken bool, err error) {
	blocks, plain := rendered(text)
	body, err := json.Marshal(map[string]any{
		"response_type": slackgo.ResponseTypeEphemeral, "text": plain, "blocks": blocks,
	})
	if err != nil {
		return false, fmt.Errorf("encode answer: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return false, failure.New(failure.Permanent, "invalid_url", "the response URL cannot be used", nil)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	x := a.exchange("response URLs")
	resp, err := x.Do(req)
	if err != nil {
		return false, x.classify(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, unreadable(err)
	}
	return x.taken(resp.StatusCode, answer)
}

// taken reads the answer of a response URL: "ok", or JSON with a reason.
func (x *exchange) taken(status int, answer []byte) (bool, error) {
	var result struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	_ = lenient.Decode(answer, &result) // plain text is as good an answer
	if status/100 != 2 {
		return false, unlessFinal(x.status(status, nil))
	}
	if result.OK == nil || *result.OK {
		return true, nil
	}
	if result.Error == "expired_url" || result.Error == "used_url" {
		return false, nil
	}
	return false, unlessFinal(x.refused(result.Error, nil))
}

// unlessFinal drops an error that says "definitely not": the channel is left.
func unlessFinal(err error) error {
	if failure.KindOf(err) == failure.Permanent {
		return nil
	}
	return err
}
