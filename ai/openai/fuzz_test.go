package openai_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/internal/failure"
)

// canned answers every request with the same bytes.
type canned struct {
	header http.Header
	status int
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Status: http.StatusText(c.status), Header: c.header, Request: r,
		Body: io.NopCloser(bytes.NewReader(c.body)),
	}, nil
}

// Whatever an endpoint sends, there is a finished answer whose pieces make its
// text, or an error with a kind that says what to do.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"), uint16(200), true)
	f.Add([]byte("data: {\"error\":{\"message\":[\"a\"],\"code\":429}}\n\n"), uint16(200), true)
	f.Add([]byte("{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":null}]}"), uint16(200), false)
	f.Add([]byte("{\"error\":{\"message\":null,\"code\":{}}}"), uint16(418), false)
	f.Add([]byte("null"), uint16(500), true)
	f.Fuzz(func(t *testing.T, body []byte, status uint16, stream bool) {
		c := openai.New(openai.Options{
			Stream: stream, BaseURL: "http://127.0.0.1",
			HTTPClient: &http.Client{Transport: canned{http.Header{}, 200 + int(status)%400, body}},
		})
		var pieces strings.Builder
		got, err := c.Generate(t.Context(), question("hi"), func(s string) { pieces.WriteString(s) })
		switch {
		case err != nil && failure.KindOf(err) != failure.Retry && failure.KindOf(err) != failure.Permanent:
			t.Errorf("kind %d: %v", failure.KindOf(err), err)
		case err == nil && pieces.String() != got.Text:
			t.Errorf("pieces %q, text %q", pieces.String(), got.Text)
		case err == nil && stream && got.FinishReason == "":
			t.Errorf("an answer without a finish reason: %+v", got)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("1", "")
	f.Add("", "-1e400")
	f.Add("Fri, 20 Nov 2026 12:01:30 GMT", "Inf")
	f.Fuzz(func(t *testing.T, after, ms string) {
		c := openai.New(openai.Options{
			BaseURL: "http://127.0.0.1",
			HTTPClient: &http.Client{Transport: canned{
				http.Header{"Retry-After": {after}, "Retry-After-Ms": {ms}}, http.StatusTooManyRequests, nil,
			}},
		})
		_, err := c.Generate(t.Context(), question("hi"), nil)
		if w := failure.WaitOf(err); w < 0 || w > 24*time.Hour || failure.CodeOf(err) != ai.CodeRateLimited {
			t.Errorf("wait %v, error %v", w, err)
		}
	})
}
