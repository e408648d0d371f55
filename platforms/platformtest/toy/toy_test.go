package toy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/platformtest"
	"github.com/parley-bot/parley/platforms/platformtest/toy"
)

func TestContract(t *testing.T) {
	t.Parallel()
	a := &toy.Adapter{Name: "toy", Secret: "secret"}
	sign := func(_ *testing.T, at time.Time, body []byte) platforms.Request {
		return platforms.Request{Header: toy.Sign("secret", at, body), Body: body}
	}
	platformtest.Test(t, platformtest.Harness{
		Adapter: a, Platform: "toy",
		Now: time.Unix(1_800_000_000, 0), MaxAge: toy.Freshness, MaxAhead: toy.Freshness,
		Sign: sign,
		Request: func(t *testing.T, at time.Time, m platformtest.Message) platforms.Request {
			t.Helper()
			body, err := json.Marshal(toy.Body{ID: m.EventID, From: "alice", Text: m.Text})
			if err != nil {
				t.Fatal(err)
			}
			return sign(t, at, body)
		},
		Proof:   []string{toy.HeaderTime, toy.HeaderSignature},
		Address: platforms.Address{ChatID: "alice"},
		Shown:   a.Shown,
	})
}
