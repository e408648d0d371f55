package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakecallback"
)

func nowFor(*testing.T) time.Time { return time.Now() }

func signedRequest(t *testing.T, s *server, id, body string) *http.Request {
	t.Helper()
	req, err := fakecallback.SignedRequest(t.Context(), genericSecret, id, time.Now(), s.url+"/webhooks/generic/signed", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}
