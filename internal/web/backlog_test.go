package web_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

// slowGateway stores nothing before it is let.
type slowGateway struct {
	web.Gateway

	inside, leave chan struct{}
}

func (g *slowGateway) Accept(ctx context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
	g.inside <- struct{}{}
	<-g.leave
	return g.Gateway.Accept(ctx, events)
}

// When nothing can be stored, a source is turned away at its share, the others
// still get theirs, and all goes on afterwards.
func TestBacklog(t *testing.T) {
	t.Parallel()
	gw := &slowGateway{inside: make(chan struct{}), leave: make(chan struct{})}
	b := newBench(t, func(o *web.Options) {
		gw.Gateway, o.Gateway = o.Gateway, gw
		o.Backlog = 200 << 10 // room for eight small webhooks, four of one source
	})
	var wg sync.WaitGroup
	codes := make(chan int, 16)
	send := func(path, id string) {
		wg.Go(func() { codes <- b.do(http.MethodPost, path, `{"id":"`+id+`","sender_id":"alice","text":"hi"}`).Code })
		<-gw.inside
	}
	refused := func(path string) {
		t.Helper()
		w := b.do(http.MethodPost, path, event)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s; want 503 and when to come back", path, w.Code, w.Body)
		}
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		send("/webhooks/slack", id)
	}
	refused("/webhooks/slack")
	for _, id := range []string{"a", "b", "c", "d"} {
		send("/webhooks/generic", id)
	}
	refused("/webhooks/generic/shop")
	close(gw.leave)
	wg.Wait()
	send("/webhooks/slack", "e")
	wg.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusOK && code != http.StatusAccepted {
			t.Errorf("a webhook that had room got %d", code)
		}
	}
}
