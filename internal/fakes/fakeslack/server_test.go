package fakeslack_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

var _ fakeslack.T = testing.TB(nil)

func post(t *testing.T, s *fakeslack.Server, method string, form url.Values) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+method, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, req)
}

func do(t *testing.T, req *http.Request) map[string]any {
	t.Helper()
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return answer
}

func TestTokenIsChecked(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	for _, c := range []struct{ token, want string }{
		{"", "not_authed"},
		{"xoxb-other", "invalid_auth"},
	} {
		got := post(t, s, fakeslack.ChatPostMessage, url.Values{"token": {c.token}, "channel": {"C1"}, "text": {"hi"}})
		if got["error"] != c.want {
			t.Errorf("token %q: %v, want %s", c.token, got, c.want)
		}
	}
	if n := len(s.Messages()); n != 0 {
		t.Errorf("%d messages were taken", n)
	}
}

func TestMethodsTakeJSONWithBearer(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	body := `{"channel":"C1","text":"hi","thread_ts":"1.2","metadata":{"event_type":"x","event_payload":{"k":"v"}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+fakeslack.ChatPostMessage, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+fakeslack.DefaultToken)
	if got := do(t, req); got["ok"] != true {
		t.Fatalf("refused: %v", got)
	}
	m := s.Messages()[0]
	if m.Channel != "C1" || m.ThreadTS != "1.2" || m.Text != "hi" || m.Metadata.EventPayload["k"] != "v" {
		t.Errorf("kept %+v", m)
	}
}

func TestHistoryPagesAndThreads(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	first := s.Say("C1", "", "U1", "one")
	s.Say("C1", first, "U1", "in the thread")
	s.Say("C1", "", "U1", "two")
	s.Say("C2", "", "U1", "elsewhere")

	ask := url.Values{"token": {fakeslack.DefaultToken}, "channel": {"C1"}, "limit": {"1"}}
	var texts []string
	for range 3 {
		answer := post(t, s, fakeslack.ConversationsHistory, ask)
		for _, m := range answer["messages"].([]any) {
			texts = append(texts, m.(map[string]any)["text"].(string))
		}
		next := answer["response_metadata"].(map[string]any)["next_cursor"].(string)
		if next == "" {
			break
		}
		ask.Set("cursor", next)
	}
	if got := strings.Join(texts, ","); got != "two,one" {
		t.Errorf("history: %s", got)
	}
	replies := post(t, s, fakeslack.ConversationsReplies,
		url.Values{"token": {fakeslack.DefaultToken}, "channel": {"C1"}, "ts": {first}})
	if n := len(replies["messages"].([]any)); n != 2 {
		t.Errorf("%d messages in the thread, want the parent and one reply", n)
	}
}

func TestUpdateTakesLessThanPost(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	args := url.Values{"token": {fakeslack.DefaultToken}, "channel": {"C1"}, "text": {strings.Repeat("x", 4001)}}
	posted := post(t, s, fakeslack.ChatPostMessage, args)
	args.Set("ts", posted["ts"].(string))
	if got := post(t, s, fakeslack.ChatUpdate, args); got["error"] != "msg_too_long" {
		t.Errorf("long update: %v", got)
	}
	args.Set("text", "short")
	if got := post(t, s, fakeslack.ChatUpdate, args); got["ok"] != true {
		t.Errorf("update: %v", got)
	}
	if m := s.Messages()[0]; m.Text != "short" || !m.Edited {
		t.Errorf("after the update: %+v", m)
	}
}

func TestWaitersAreWokenAndCloseReleasesThem(t *testing.T) {
	t.Parallel()
	s, err := fakeslack.Start(fakeslack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := s.WaitMessages(t.Context(), 1)
		got <- err
	}()
	s.Say("C1", "", "U1", "hi")
	if err := <-got; err != nil {
		t.Errorf("the message did not wake: %v", err)
	}
	go func() { got <- s.WaitCalls(t.Context(), fakeslack.AuthTest, 1) }()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-got; err == nil {
		t.Error("the wait ended well without a call")
	}
}

func TestHeldCallGoesOnAfterRelease(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	release := make(chan struct{})
	s.Script(fakeslack.ChatPostMessage, fakeslack.Hold(release), fakeslack.Delay(time.Millisecond))
	args := url.Values{"token": {fakeslack.DefaultToken}, "channel": {"C1"}, "text": {"hi"}}
	answered := make(chan map[string]any, 1)
	go func() { answered <- post(t, s, fakeslack.ChatPostMessage, args) }()
	if err := s.WaitCalls(t.Context(), fakeslack.ChatPostMessage, 1); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Messages()); n != 0 {
		t.Errorf("%d messages were taken while the call was held", n)
	}
	close(release)
	if got := <-answered; got["ok"] != true {
		t.Errorf("after the release: %v", got)
	}
	if got := post(t, s, fakeslack.ChatPostMessage, args); got["ok"] != true {
		t.Errorf("after the delay: %v", got)
	}
}

func TestClosedServerIsGone(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	s.Script(fakeslack.AuthTest, fakeslack.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.APIURL()+fakeslack.AuthTest, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		resp, err := new(http.Client).Do(req)
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	if err := s.WaitCalls(ctx, fakeslack.AuthTest, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("a hanging call was answered")
	}
}

func TestMessagesCanBeReadFromOutside(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	s.Say("C1", "", "U1", "a &lt; b")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/fake/messages", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list []fakeslack.Message
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list) != 1 || list[0].Channel != "C1" {
		t.Errorf("%v, %v", list, err)
	}
	if got := s.Texts(); len(got) != 1 || got[0] != "a < b" {
		t.Errorf("texts: %q", got)
	}
}

func TestTakenBeforeTheFault(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	release := make(chan struct{})
	s.Script(fakeslack.ChatPostMessage, fakeslack.Refuse("ratelimited").Taken(), fakeslack.TakeThenHold(release))
	form := url.Values{"token": {fakeslack.DefaultToken}, "channel": {"C1"}, "text": {"hi"}}
	if got := post(t, s, "chat.postMessage", form); got["error"] != "ratelimited" || len(s.Texts()) != 1 || s.Unused() != 1 {
		t.Errorf("%v, %d posted, %d faults left", got, len(s.Texts()), s.Unused())
	}
	answered := make(chan map[string]any)
	go func() { answered <- post(t, s, "chat.postMessage", form) }()
	if _, err := s.WaitMessages(t.Context(), 2); err != nil {
		t.Error(err)
	}
	close(release)
	if got := <-answered; got["ok"] != true || len(s.Texts()) != 2 {
		t.Errorf("%v, %d posted", got, len(s.Texts()))
	}
}

func TestTiers(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	s := fakeslack.New(t, fakeslack.Options{Tiers: true, Now: func() time.Time { return at }})
	call := func(method string, args url.Values) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+method, strings.NewReader(args.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+fakeslack.DefaultToken)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	update, post := url.Values{"channel": {"C1"}, "ts": {"1.2"}}, url.Values{"channel": {"C1"}, "text": {"hi"}}
	for i := range 51 {
		if code := call(fakeslack.ChatUpdate, update); (code == http.StatusTooManyRequests) != (i == 50) {
			t.Errorf("update %d: %d", i, code)
		}
	}
	elsewhere := url.Values{"channel": {"C2"}, "text": {"hi"}}
	for i, want := range []int{200, 429, 200} {
		if code := call(fakeslack.ChatPostMessage, []url.Values{post, post, elsewhere}[i]); code != want {
			t.Errorf("message %d: %d", i, code)
		}
	}
	at = at.Add(time.Minute)
	if a, b := call(fakeslack.ChatUpdate, update), call(fakeslack.ChatPostMessage, post); a != 200 || b != 200 {
		t.Errorf("a minute later: %d %d", a, b)
	}
	if hits, calls := s.LimitHits(); hits != 2 || calls != 56 {
		t.Errorf("%d of %d calls", hits, calls)
	}
}
