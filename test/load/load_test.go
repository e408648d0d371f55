package load_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/web/webtest"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/generic"
)

// BenchmarkIntake compares durable webhooks, turns paused, with an Echo handler
// that only verifies. One round is 20,000 webhooks to each.
func BenchmarkIntake(b *testing.B) {
	for _, connections := range []int{64, 256} {
		b.Run(fmt.Sprint("connections=", connections), func(b *testing.B) {
			bare, durable := bareServer(b), startApp(b, true, "")
			const n = 20_000
			hammerGeneric(b, bare, connections, n/10)
			hammerGeneric(b, durable, connections, n/10)
			var ratios []float64
			var x, y result
			for b.Loop() {
				x, y = hammerGeneric(b, bare, connections, n), hammerGeneric(b, durable, connections, n)
				ratios = append(ratios, y.perSecond/x.perSecond)
			}
			slices.Sort(ratios)
			b.ReportMetric(x.perSecond, "bare/s")
			b.ReportMetric(y.perSecond, "durable/s")
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
			b.ReportMetric(float64(y.p99.Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(y.p50.Microseconds())/1000, "p50-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkAcceptedToSent measures the way from the 202 to the callback with
// the echo model, one message at a time.
func BenchmarkAcceptedToSent(b *testing.B) {
	callback, err := fakecallback.Start(fakecallback.Options{Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	defer callback.Close()
	url := "http://" + startApp(b, false, callback.URL()) + "/webhooks/generic"
	client := &http.Client{Timeout: 10 * time.Second}
	var took []time.Duration
	send := func(i int) time.Duration {
		body := fmt.Sprintf(`{"sender_id":"user-%d","text":"hello"}`, i)
		req, err := fakecallback.SignedRequest(b.Context(), secret, fmt.Sprint("one-", i), time.Now(), url, []byte(body))
		if err != nil {
			b.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
		accepted := time.Now()
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		if _, err := callback.WaitReplies(ctx, i+1); err != nil {
			b.Fatal(err)
		}
		return time.Since(accepted)
	}
	n := 0
	for range 20 { // warm: the tokenizer is loaded on first use
		send(n)
		n++
	}
	for b.Loop() {
		took = append(took, send(n))
		n++
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkTurns measures whole turns per second, from webhook to callback,
// with the echo model and 64 connections over 1,000 conversations.
func BenchmarkTurns(b *testing.B) {
	callback, err := fakecallback.Start(fakecallback.Options{Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	defer callback.Close()
	addr := startApp(b, false, callback.URL(), func(c *config.Config) { c.Gateway.Busy = "queue" })
	const n = 4000
	sent := 0
	var elapsed time.Duration
	for b.Loop() {
		begin := time.Now()
		hammerGeneric(b, addr, 64, n)
		sent += n
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		if _, err := callback.WaitReplies(ctx, sent); err != nil {
			b.Fatal(err)
		}
		cancel()
		elapsed += time.Since(begin)
	}
	b.ReportMetric(float64(sent)/elapsed.Seconds(), "turns/s")
}

func bareServer(b *testing.B) string {
	b.Helper()
	a, err := generic.New(generic.Options{Name: "generic", Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(webtest.Bare("/webhooks/generic", func(h http.Header, body []byte) error {
		_, err := a.Receive(b.Context(), platforms.Request{Header: h, Body: body, Now: time.Now()})
		return err
	}))
	b.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func startApp(b *testing.B, paused bool, callback string, change ...func(*config.Config)) string {
	b.Helper()
	cfg := config.Default()
	cfg.Server.Listen = "127.0.0.1:0"
	cfg.Server.ShutdownGrace = time.Second
	cfg.Platforms.Generic.Sources = []config.Source{{Name: "generic", Secret: secret, CallbackURL: config.URL(callback)}}
	cfg.AI.ConversationPersistence.DataDir = b.TempDir()
	for _, c := range change {
		c(cfg)
	}
	a, err := app.New(b.Context(), cfg, app.Options{Logger: slog.New(slog.DiscardHandler), Paused: paused})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return a.Addr()
}
