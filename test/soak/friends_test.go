package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakecallback"
)

const (
	friends = 40
	// perFriend is how long a friend is quiet between two messages.
	perFriend = 2 * time.Second
)

// friendly is what the friends have sent, and got.
type friendly struct {
	mu       sync.Mutex
	acks     []time.Duration // from the first try on
	again    int             // tries that were not taken
	accepted map[string]bool
	answers  map[string]map[string]bool // event → ids of the replies that answer it
	failed   []string                   // events that ended without a reply
}

func newFriendly() *friendly {
	return &friendly{accepted: map[string]bool{}, answers: map[string]map[string]bool{}}
}

// callback takes the replies to the friends.
func (f *friendly) callback(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var said struct {
			Type     string   `json:"type"`
			EventIDs []string `json:"event_ids"`
		}
		if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, id := range said.EventIDs {
			if said.Type != "message.reply" {
				f.failed = append(f.failed, id)
			}
			if f.answers[id] == nil {
				f.answers[id] = map[string]bool{}
			}
			f.answers[id][r.Header.Get(fakecallback.HeaderID)] = true
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// write sends messages of one friend until ctx ends. Every other one comes on a
// connection of its own, as from a platform; what is not taken is sent again.
func (f *friendly) write(ctx context.Context, url, name string) error {
	kept := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
	fresh := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	defer kept.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		client := []*http.Client{kept, fresh}[n%2]
		id := fmt.Sprintf("%s-%d", name, n)
		begun := time.Now()
		for try := 1; ; try++ {
			status, err := send(ctx, client, url, id, name)
			if err == nil && status == http.StatusAccepted {
				f.took(id, time.Since(begun), try-1)
				break
			}
			if ctx.Err() != nil {
				return nil // whether it was taken is not known
			}
			if try == 20 {
				return fmt.Errorf("message %s is not taken: %d, %w", id, status, err)
			}
			pause(ctx, 50*time.Millisecond)
		}
		pause(ctx, perFriend)
	}
	return nil
}

func send(ctx context.Context, client *http.Client, url, id, name string) (int, error) {
	body := fmt.Appendf(nil, `{"sender_id":%q,"text":"hello, this is %s"}`, name, id)
	req, err := fakecallback.SignedRequest(ctx, friendSecret, id, time.Now(), url+"/webhooks/generic/friend", body)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func (f *friendly) took(id string, d time.Duration, again int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acks = append(f.acks, d)
	f.again += again
	f.accepted[id] = true
}

// unanswered returns the accepted messages that have no reply yet, and those
// that have more than one.
func (f *friendly) unanswered() (none, twice []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.accepted {
		switch n := len(f.answers[id]); {
		case n == 0:
			none = append(none, id)
		case n > 1:
			twice = append(twice, id)
		}
	}
	return none, twice
}

// percentile returns the p-th of a hundred of the times to the acknowledgement.
func (f *friendly) percentile(p int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.acks) == 0 {
		return 0
	}
	slices.Sort(f.acks)
	return f.acks[min(len(f.acks)*p/100, len(f.acks)-1)]
}
