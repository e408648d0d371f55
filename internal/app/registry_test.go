package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/platforms/platformtest/toy"
)

// A platform is one folder and one line of the registry: nothing else has to
// know that it is there.
func TestPlatformIsOneLine(t *testing.T) {
	t.Parallel()
	told := make(chan struct{}, 10)
	adapters := []*toy.Adapter{{Name: "toy", Secret: "one", Told: told}, {Name: "toy.two", Secret: "two", Told: told}}
	line := vendor{name: "toy", apps: func(*config.Config, tools) ([]chatApp, error) {
		return []chatApp{{name: "toy", adapter: adapters[0]}, {name: "toy.two", adapter: adapters[1]}}, nil
	}}
	cfg := config.Default()
	cfg.Server.Listen, cfg.Server.AdminToken = "127.0.0.1:0", "admin-token-of-the-test"
	cfg.AI.ConversationPersistence.DataDir = t.TempDir()
	a, err := New(t.Context(), cfg, Options{more: []vendor{line}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	post := func(path, secret, text string) int {
		t.Helper()
		body, err := json.Marshal(toy.Body{ID: "event-1", From: "alice", Text: text})
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.Addr()+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = toy.Sign(secret, time.Now(), body)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, step := range []struct {
		path, secret, text string
		want               int
	}{
		{"/webhooks/toy", "two", "/save city Rome", http.StatusUnauthorized},
		{"/webhooks/toy/three", "one", "/save city Rome", http.StatusNotFound},
		{"/webhooks/toy", "one", "/save city Rome", http.StatusOK},
		{"/webhooks/toy", "one", "/save city Rome", http.StatusOK},
		{"/webhooks/toy/two", "two", "/load city", http.StatusOK}, // the same id and person, and neither is the other's
	} {
		if got := post(step.path, step.secret, step.text); got != step.want {
			t.Errorf("%s signed with %s: %d, want %d", step.path, step.secret, got, step.want)
		}
	}
	want := [][]string{{"Saved preference 'city' with value 'Rome'"}, {"No preference found with key 'city'"}}
	for range adapters {
		select {
		case <-told:
		case <-time.After(20 * time.Second):
			t.Fatal("a reply is missing")
		}
	}
	for i, adapter := range adapters {
		if got := adapter.Shown(); !slices.Equal(got, want[i]) {
			t.Errorf("%s shows %q, want %q", adapter.Name, got, want[i])
		}
	}
}
