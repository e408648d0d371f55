package fakefeishu_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
)

// reply is the part of Feishu's answers that the tests look at.
type reply struct {
	status int
	header http.Header
	Code   int    `json:"code"`
	Token  string `json:"tenant_access_token"`
	Data   struct {
		MessageID string `json:"message_id"`
	} `json:"data"`
}

func start(t *testing.T) *fakefeishu.Server {
	t.Helper()
	s, err := fakefeishu.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func post(ctx context.Context, t *testing.T, url, token, body string) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header}
	if bytes.HasPrefix(raw, []byte("{")) {
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
	}
	return r, nil
}

func mustPost(t *testing.T, url, token, body string) reply {
	t.Helper()
	r, err := post(t.Context(), t, url, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func token(t *testing.T, s *fakefeishu.Server) string {
	t.Helper()
	r := mustPost(t, s.URL()+"/open-apis/auth/v3/tenant_access_token/internal", "", `{"app_id":"a","app_secret":"s"}`)
	if r.Code != 0 || r.Token == "" {
		t.Fatalf("no token: %+v", r)
	}
	return r.Token
}

const hello = `{"receive_id":"oc_1","msg_type":"text","content":"{\"text\":\"hello\"}","uuid":"u1"}`

func createURL(s *fakefeishu.Server) string {
	return s.URL() + "/open-apis/im/v1/messages?receive_id_type=chat_id"
}

func TestUUIDHoldsForAnHour(t *testing.T) {
	t.Parallel()
	s := start(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(t time.Time) { s.SetNow(func() time.Time { return t }) }
	bearer := token(t, s)
	at(now)
	first := mustPost(t, createURL(s), bearer, hello)
	at(now.Add(time.Hour - time.Second))
	again := mustPost(t, createURL(s), bearer, hello)
	if first.Data.MessageID == "" || again.Data.MessageID != first.Data.MessageID || len(s.Messages()) != 1 {
		t.Errorf("first %+v, again %+v", first, again)
	}
	at(now.Add(time.Hour))
	if later := mustPost(t, createURL(s), bearer, hello); later.Data.MessageID == first.Data.MessageID || len(s.Messages()) != 2 {
		t.Errorf("after an hour %+v", later)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Recall("om_gone")
	bearer := token(t, s)
	for _, tc := range []struct {
		name, url, token, body string
		code                   int
	}{
		{"no token", createURL(s), "", hello, 99991661},
		{"unknown token", createURL(s), "t-x", hello, 99991663},
		{"no id type", s.URL() + "/open-apis/im/v1/messages", bearer, hello, 230001},
		{"no rich text", createURL(s), bearer, strings.Replace(hello, `"text",`, `"post",`, 1), 230001},
		{"of no known type", createURL(s), bearer, strings.Replace(hello, `"text",`, `"poster",`, 1), 230001},
		{"content no JSON", createURL(s), bearer, `{"receive_id":"oc_1","msg_type":"text","content":"x"}`, 230001},
		{"long uuid", createURL(s), bearer, strings.Replace(hello, "u1", strings.Repeat("u", 51), 1), 230001},
		{"too long", createURL(s), bearer, strings.Replace(hello, "hello", strings.Repeat("x", 150<<10), 1), 230025},
		{"recalled", s.URL() + "/open-apis/im/v1/messages/om_gone/reply", bearer, hello, 230011},
		{"wrong app", s.URL() + "/open-apis/auth/v3/tenant_access_token/internal", "", `{}`, 10003},
	} {
		if r := mustPost(t, tc.url, tc.token, tc.body); r.Code != tc.code || r.status != http.StatusBadRequest {
			t.Errorf("%s: %d, code %d", tc.name, r.status, r.Code)
		}
	}
	if len(s.Messages()) != 0 {
		t.Errorf("shown %+v", s.Messages())
	}
}

func TestFaultsComeInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	bearer := token(t, s)
	s.Misbehave(fakefeishu.Create, fakefeishu.TooManyRequests(7), fakefeishu.BadGateway(502), fakefeishu.TakeThenCut())
	if r := mustPost(t, createURL(s), bearer, hello); r.status != 429 || r.header.Get("X-Ogw-Ratelimit-Reset") != "7" {
		t.Errorf("first: %+v", r)
	}
	if r := mustPost(t, createURL(s), bearer, hello); r.status != 502 || r.header.Get("Content-Type") != "text/html" {
		t.Errorf("second: %+v", r)
	}
	if r, err := post(t.Context(), t, createURL(s), bearer, hello); err == nil {
		t.Errorf("third: %+v", r)
	}
	if len(s.Messages()) != 1 {
		t.Errorf("the third took effect %d times", len(s.Messages()))
	}
	if r := mustPost(t, createURL(s), bearer, hello); r.Code != 0 || len(s.Messages()) != 1 || s.Requests(fakefeishu.Create) != 4 {
		t.Errorf("fourth: %+v", r)
	}
}

func TestCloseFreesWhoHangs(t *testing.T) {
	t.Parallel()
	s := start(t)
	bearer := token(t, s)
	s.Misbehave(fakefeishu.Create, fakefeishu.Hang())
	done := make(chan error, 1)
	go func() {
		_, err := post(t.Context(), t, createURL(s), bearer, hello)
		done <- err
	}()
	if err := s.WaitRequests(t.Context(), fakefeishu.Create, 1); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if err := <-done; err == nil {
		t.Error("an answer from a closed fake")
	}
	if _, err := s.WaitMessages(t.Context(), 1); err == nil {
		t.Error("waited for a message of a closed fake")
	}
}
