package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
)

// The clock is compared with the first answer, whatever that is: where it redirects to
// is another machine.
func TestCheckClock(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(elsewhere.Close)
	for name, c := range map[string]struct {
		ahead  time.Duration
		status int
		want   verdict
	}{
		"in sync":             {0, http.StatusOK, fine},
		"not found":           {0, http.StatusNotFound, fine},
		"redirect":            {0, http.StatusFound, fine},
		"two minutes ahead":   {2 * time.Minute, http.StatusOK, warning},
		"ten minutes behind":  {-10 * time.Minute, http.StatusOK, broken},
		"redirect, far ahead": {time.Hour, http.StatusFound, broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			cfg := config.Default()
			cfg.Platforms.Slack.SigningSecret, cfg.Platforms.Slack.APIURL = "secret", config.URL(server.URL)
			if got := checkClock(t.Context(), cfg); got.verdict != c.want {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}
