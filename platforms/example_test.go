package platforms_test

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// pager is a whole platform: people page the bot, and it pages them back. Parley
// gets to know it by one line in internal/app/registry.go, and answers then what
// comes in at /webhooks/pager.
type pager struct{ token string }

// Receive proves that the request is genuine before it reads anything of it. A
// platform that signs its requests also says when: what is old is refused.
func (p pager) Receive(_ context.Context, r platforms.Request) (platforms.Inbound, error) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(p.token)) == 0 {
		return platforms.Inbound{}, failure.New(failure.Unauthorized, "bad_token", "the token is wrong", nil)
	}
	who := r.Header.Get("From")
	e := platforms.Event{
		Platform: "pager", ID: r.Header.Get("Page-Id"), // the same when the page comes again: then it is answered once
		Kind: platforms.KindMessage, ChatType: platforms.Private, ChatID: who, SenderID: who, Text: string(r.Body), SentAt: r.Now,
		ReplyTo: platforms.Address{ChatID: who}, // is stored: all that Send needs, after a restart too
	}
	return platforms.Inbound{Events: []platforms.Event{e}}, e.Validate()
}

// Split cuts a reply into what fits one page.
func (pager) Split(reply string) []string { return []string{reply} }

// Send shows one page. The kind of an error says whether it may be shown (see
// [platforms.Sender]), and so whether it is sent again.
func (pager) Send(_ context.Context, to platforms.Address, p platforms.Part) (messageID string, err error) {
	fmt.Printf("to %s: %s\n", to.ChatID, p.Text)
	return p.Key, nil
}

// Find is asked before a page is sent again whose answer was lost. This platform cannot tell.
func (pager) Find(context.Context, platforms.Address, platforms.Part, time.Time) (platforms.Finding, string, error) {
	return platforms.Unknowable, "", nil
}

// A new platform is a Receiver and a Sender.
func ExampleAdapter() {
	ctx := context.Background()
	var adapter platforms.Adapter = pager{token: "secret"}

	page := platforms.Request{Header: http.Header{"From": {"alice"}, "Page-Id": {"7"}}, Body: []byte("are you there?"), Now: time.Now()}
	_, err := adapter.Receive(ctx, page)
	fmt.Println(err)

	page.Header.Set("Authorization", "secret")
	in, err := adapter.Receive(ctx, page)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range in.Events { // the gateway stores them, and answers when the webhook has its 200
		fmt.Println(e.UserKey(), "says:", e.Text)
		for i, text := range adapter.Split("Yes.") {
			_, _ = adapter.Send(ctx, e.ReplyTo, platforms.Part{Key: fmt.Sprint(e.ID, "-", i), Text: text})
		}
	}
	// Output:
	// the token is wrong
	// pager:private:alice says: are you there?
	// to alice: Yes.
}
