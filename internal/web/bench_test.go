package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

// BenchmarkWebhook is what this room adds to a webhook: everything but the
// network, the signature and the database.
func BenchmarkWebhook(b *testing.B) {
	counts := metrics.New()
	door, err := intake.New(intake.Options{Store: instantGateway{}, Metrics: counts})
	if err != nil {
		b.Fatal(err)
	}
	server, err := web.New(web.Options{
		Intake: door, Gateway: instantGateway{}, Metrics: counts,
		Sources: map[string]web.Source{"generic": instantSource{}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/webhooks/generic", strings.NewReader(event))
		server.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
}

// BenchmarkNothing is the part of BenchmarkWebhook that belongs to the test.
func BenchmarkNothing(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/webhooks/generic", strings.NewReader(event))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

type instantGateway struct{ *fakeGateway }

func (instantGateway) Accept(context.Context, []platforms.Event) ([]inbox.Accepted, error) {
	return []inbox.Accepted{{ID: 1, Platform: "generic", EventID: "evt-1", UserKey: "generic:private:alice"}}, nil
}

type instantSource struct{ fakeSource }

func (instantSource) Receive(context.Context, platforms.Request) (platforms.Inbound, error) {
	return platforms.Inbound{Events: make([]platforms.Event, 1)}, nil
}
