package openai

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// maxWait is the longest wait that is believed.
const maxWait = 24 * time.Hour

// wait returns how long the endpoint asked to wait before another attempt, 0
// when it did not say: retry-after-ms (OpenAI and Azure), then Retry-After in
// seconds or as a date (RFC 9110, 10.2.3).
func (c *Client) wait(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return within(ms, time.Millisecond)
	}
	after := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(after, 64); err == nil {
		return within(seconds, time.Second)
	}
	if date, err := http.ParseTime(after); err == nil {
		return min(max(date.Sub(c.now()), 0), maxWait)
	}
	return 0
}

// within returns n units, at least 0 and at most maxWait; not a number is 0.
func within(n float64, unit time.Duration) time.Duration {
	switch {
	case math.IsNaN(n), n <= 0:
		return 0
	case n >= float64(maxWait/unit):
		return maxWait
	default:
		return time.Duration(n * float64(unit))
	}
}
