package slack_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

var filePart = platforms.Part{Key: "delivery-1-0", File: "conversation.json", Text: `{"messages": ["ü & <b>"]}`}

func TestFileIsShown(t *testing.T) {
	t.Parallel()
	for where, to := range map[string]platforms.Address{"channel": channel, "thread": thread} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			id, err := a.Send(t.Context(), to, filePart)
			if err != nil {
				t.Fatal(err)
			}
			messages := server.Messages()
			if len(messages) != 1 || messages[0].Channel != to.ChatID || messages[0].ThreadTS != to.ThreadID {
				t.Fatalf("shown %+v", messages)
			}
			want := fakeslack.File{ID: id, Name: "conversation-delivery-1-0.json", Title: "conversation.json", Content: filePart.Text}
			if files := messages[0].Files; len(files) != 1 || files[0] != want {
				t.Errorf("files %+v, want %+v", files, want)
			}
		})
	}
}

// What is for one person's eyes is not shown to a channel.
func TestTakesFile(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	for _, c := range []struct {
		to   platforms.Address
		want bool
	}{
		{channel, true},
		{thread, true},
		{platforms.Address{ChatID: "D1"}, true},
		{platforms.Address{ChatID: "C1", Private: true, Extra: map[string]string{"response_url": server.NewResponseURL()}}, false},
		{platforms.Address{ChatID: "D1", Private: true, Extra: map[string]string{"response_url": "https://elsewhere.example/"}}, false},
	} {
		if got := a.TakesFile(c.to); got != c.want {
			t.Errorf("%+v: %v", c.to, got)
		}
	}
}

// later is an adapter by whose clock a file that was sent just now has been
// shared if it ever will be.
func later(t *testing.T, server *fakeslack.Server) *slack.Adapter {
	t.Helper()
	return newAdapter(t, slack.Options{APIURL: server.APIURL(), Now: func() time.Time { return time.Now().Add(time.Minute) }})
}

// A network that lets nothing through to the host for files keeps nobody from
// getting the text.
func TestFileHostThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Script(fakeslack.FileUpload, fakeslack.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := a.Send(ctx, platforms.Address{ChatID: "C1"}, platforms.Part{Key: "k-0", File: "conversation.json", Text: "{}"})
	if failure.KindOf(err) != failure.Permanent || len(server.Messages()) != 0 {
		t.Errorf("kind %d, %d messages: %v", failure.KindOf(err), len(server.Messages()), err)
	}
}

// Whatever goes wrong at whichever of the three calls, doing what the error and
// the look afterwards say shows the file once, or never.
func TestFileErrors(t *testing.T) {
	t.Parallel()
	const (
		reserve, upload, share = fakeslack.FilesGetUploadURL, fakeslack.FileUpload, fakeslack.FilesCompleteUpload
	)
	for _, c := range []struct {
		name  string
		step  string
		fault fakeslack.Fault
		kind  failure.Kind
		code  string
		shown int // at once
	}{
		{"429", reserve, fakeslack.RateLimit(7 * time.Second), failure.Retry, "ratelimited", 0},
		{"no scope", reserve, fakeslack.Refuse("missing_scope"), failure.Permanent, "missing_scope", 0},
		{"no uploads", reserve, fakeslack.Refuse("file_uploads_disabled"), failure.Permanent, "file_uploads_disabled", 0},
		{"no such method", reserve, fakeslack.Refuse("unknown_method"), failure.Permanent, "unknown_method", 0},
		{"refused for a new reason", reserve, fakeslack.Refuse("brand_new_error"), failure.Permanent, "brand_new_error", 0},
		{"internal_error", reserve, fakeslack.Refuse("internal_error"), failure.Retry, "internal_error", 0},
		{"fatal_error", reserve, fakeslack.TakeThenRefuse("fatal_error"), failure.Retry, "fatal_error", 0},
		{"500", reserve, fakeslack.Status(500), failure.Retry, "http_500", 0},
		{"proxy", reserve, fakeslack.Status(403), failure.Permanent, "http_403", 0},
		{"cut", reserve, fakeslack.Cut(), failure.Retry, "no_answer", 0},
		{"cut after taking", reserve, fakeslack.TakeThenCut(), failure.Retry, "no_answer", 0},
		{"silence", reserve, fakeslack.Hang(), failure.Retry, "no_answer", 0},
		{"garbled", reserve, fakeslack.TakeThenGarble(), failure.Retry, "no_answer", 0},
		{"ok without anything", reserve, fakeslack.Fault{Body: `{"ok":true}`}, failure.Permanent, "no_upload_url", 0},
		{"ok without an id", reserve, fakeslack.Fault{Body: `{"ok":true,"upload_url":"https://files.slack.com/x"}`}, failure.Permanent, "no_upload_url", 0},
		{"ok without an address", reserve, fakeslack.Fault{Body: `{"ok":true,"file_id":"F1"}`}, failure.Permanent, "no_upload_url", 0},
		{"not ok without a reason", reserve, fakeslack.Fault{Body: `{"ok":false}`}, failure.Permanent, "no_upload_url", 0},
		{"429", upload, fakeslack.RateLimit(7 * time.Second), failure.Retry, "ratelimited", 0},
		{"500", upload, fakeslack.Status(500), failure.Permanent, "http_500", 0},
		{"500 after taking", upload, fakeslack.TakeThenStatus(500), failure.Permanent, "http_500", 0},
		{"too large", upload, fakeslack.Status(413), failure.Permanent, "http_413", 0},
		{"redirect", upload, fakeslack.Status(302), failure.Permanent, "http_302", 0},
		{"cut", upload, fakeslack.Cut(), failure.Permanent, "no_answer", 0},
		{"cut after taking", upload, fakeslack.TakeThenCut(), failure.Permanent, "no_answer", 0},
		{"silence until we stop", upload, fakeslack.TakeThenHang(), failure.Retry, "no_answer", 0},
		{"429", share, fakeslack.RateLimit(7 * time.Second), failure.Retry, "ratelimited", 0},
		{"no scope", share, fakeslack.Refuse("missing_scope"), failure.Permanent, "missing_scope", 0},
		{"not in the channel", share, fakeslack.Refuse("not_in_channel"), failure.Permanent, "not_in_channel", 0},
		{"denied", share, fakeslack.Refuse("posting_to_channel_denied"), failure.Permanent, "posting_to_channel_denied", 0},
		{"gone", share, fakeslack.Refuse("file_not_found"), failure.Permanent, "file_not_found", 0},
		{"refused for a new reason", share, fakeslack.Refuse("brand_new_error"), failure.Permanent, "brand_new_error", 0},
		{"internal_error", share, fakeslack.Refuse("internal_error"), failure.Ambiguous, "internal_error", 0},
		{"internal_error after taking", share, fakeslack.TakeThenRefuse("internal_error"), failure.Ambiguous, "internal_error", 1},
		{"500", share, fakeslack.Status(500), failure.Ambiguous, "http_500", 0},
		{"500 after taking", share, fakeslack.TakeThenStatus(500), failure.Ambiguous, "http_500", 1},
		{"cut", share, fakeslack.Cut(), failure.Ambiguous, "no_answer", 0},
		{"cut after taking", share, fakeslack.TakeThenCut(), failure.Ambiguous, "no_answer", 1},
		{"silence", share, fakeslack.Hang(), failure.Ambiguous, "no_answer", 0},
		{"silence after taking", share, fakeslack.TakeThenHang(), failure.Ambiguous, "no_answer", 1},
		{"garbled after taking", share, fakeslack.TakeThenGarble(), failure.Ambiguous, "no_answer", 1},
		{"not ok without a reason", share, fakeslack.Fault{Body: `{"ok":false}`}, failure.Ambiguous, "no_answer", 0},
		{"ok without a file", share, fakeslack.Fault{Body: `{"ok":true}`}, failure.Ambiguous, "no_answer", 0},
	} {
		t.Run(c.step+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			since := time.Now()
			server.Script(c.step, c.fault)
			err := sendUntilSilence(t, a, server, c.step, c.fault.Hang, c.shown)
			if failure.KindOf(err) != c.kind || failure.CodeOf(err) != c.code || failure.WaitOf(err) != c.fault.RetryAfter {
				t.Fatalf("kind %d, code %s, wait %v: %v", failure.KindOf(err), failure.CodeOf(err), failure.WaitOf(err), err)
			}
			if text := err.Error(); strings.Contains(text, fakeslack.DefaultToken) || strings.Contains(text, "/upload/") {
				t.Errorf("the error holds a secret: %s", text)
			}
			if c.code == "missing_scope" && !strings.Contains(err.Error(), "files:write") {
				t.Errorf("the scope is not named: %v", err)
			}
			if n := len(server.Messages()); n != c.shown {
				t.Fatalf("shown %d times", n)
			}
			follow(t, later(t, server), server, c.kind, since)
		})
	}
}

// sendUntilSilence sends the file and, where Slack says nothing, gives up once
// it has shown what it will show.
func sendUntilSilence(t *testing.T, a *slack.Adapter, server *fakeslack.Server, step string, silence bool, shown int) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := a.Send(ctx, channel, filePart)
		ended <- err
	}()
	if silence {
		if err := server.WaitCalls(t.Context(), step, 1); err != nil {
			t.Error(err)
		}
		if _, err := server.WaitMessages(t.Context(), shown); err != nil {
			t.Error(err)
		}
		cancel()
	}
	return <-ended
}

// follow does what the kind of an error asks for, and counts the files shown.
func follow(t *testing.T, a *slack.Adapter, server *fakeslack.Server, kind failure.Kind, since time.Time) {
	t.Helper()
	want, repeat := 1, kind == failure.Retry
	switch kind {
	case failure.Permanent:
		want = 0
	case failure.Ambiguous:
		finding, id, err := a.Find(t.Context(), channel, filePart, since)
		if err != nil || finding == platforms.Unknowable {
			t.Fatalf("found %v, %v", finding, err)
		}
		if repeat = finding == platforms.Missing; !repeat && id != server.Messages()[0].TS {
			t.Errorf("found as %q", id)
		}
	default:
	}
	if repeat {
		if _, err := a.Send(t.Context(), channel, filePart); err != nil {
			t.Fatal(err)
		}
	}
	if messages := server.Messages(); len(messages) != want || want == 1 && messages[0].Files[0].Content != filePart.Text {
		t.Errorf("in the end shown %+v", messages)
	}
}

// Slack shares a file some time after it has said yes. So one that is not there
// is not missing yet.
func TestFileThatIsNotThereMayStillCome(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	since := time.Now()
	for _, c := range []struct {
		after time.Duration
		wait  time.Duration
	}{
		{0, time.Minute}, {59 * time.Second, time.Second}, {time.Minute, 0}, {time.Hour, 0},
	} {
		a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Now: func() time.Time { return since.Add(c.after) }})
		finding, _, err := a.Find(t.Context(), channel, filePart, since)
		if c.wait == 0 && (finding != platforms.Missing || err != nil) ||
			c.wait > 0 && (finding == platforms.Missing || failure.KindOf(err) != failure.Retry || failure.WaitOf(err) != c.wait) {
			t.Errorf("after %v: found %v, %v", c.after, finding, err)
		}
	}
}

// Of files in a channel that is shared with another organization Slack may tell
// the id alone.
func TestFileWithoutANameMayBeTheOne(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]platforms.Finding{
		`{"ts":"1.0","files":[{"id":"F1","file_access":"check_file_info"}]}`:                 platforms.Unknowable,
		`{"ts":"1.0","files":[{"id":"F1","name":"other.json"}]}`:                             platforms.Missing,
		`{"ts":"1.0","files":[{"id":"F1","name":"conversation.json"}]}`:                      platforms.Missing,
		`{"ts":"1.0","files":"none"}`:                                                        platforms.Missing,
		`{"ts":"1.0","files":[{"id":"F1"}]},{"ts":"2.0","files":[{"name":"` + found + `"}]}`: platforms.Shown,
	} {
		server := fakeslack.New(t, fakeslack.Options{})
		server.Script(fakeslack.ConversationsHistory, fakeslack.Fault{Body: `{"ok":true,"messages":[` + body + `]}`})
		if finding, _, err := later(t, server).Find(t.Context(), channel, filePart, time.Now()); finding != want || err != nil {
			t.Errorf("%s: found %v, %v", body, finding, err)
		}
	}
}

const found = "conversation-delivery-1-0.json"

// What a conversation holds goes to Slack and nowhere else, and the token not
// even to Slack's host for files.
func TestFileIsUploadedToSlackOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		api, target string
		want        bool
	}{
		{"", "https://files.slack.com/upload/v1/x", true},
		{"", "https://FILES.slack.com/upload/v1/x", true},
		{"", "http://files.slack.com/upload/v1/x", false},
		{"", "https://files.slack.com.example.org/x", false},
		{"", "https://slack.com@example.org/x", false},
		{"", "https://me@files.slack.com/x", false},
		{"", "https://files.slack.com:8443/x", false},
		{"", "//files.slack.com/x", false},
		{"", "https://files.slack.com/%zz", false},
		{"http://127.0.0.1:8/api", "http://127.0.0.1:8/x", true},
		{"http://127.0.0.1:8/api", "http://127.0.0.1:9/x", false},
		{"http://127.0.0.1:8/api", "https://files.slack.com/x", false},
	} {
		var called []string
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			called = append(called, r.URL.Host+" "+r.Header.Get("Authorization"))
			body := fmt.Sprintf(`{"ok":true,"file_id":"F1","upload_url":%q,"files":[{"id":"F1"}]}`, c.target)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})}
		a := newAdapter(t, slack.Options{APIURL: c.api, HTTPClient: client})
		_, err := a.Send(t.Context(), channel, filePart)
		if c.want != (err == nil) || !c.want && failure.KindOf(err) != failure.Permanent {
			t.Errorf("%s: %v", c.target, err)
		}
		if c.want != (len(called) == 3) || c.want && strings.TrimSpace(called[1]) != strings.Split(c.target, "/")[2] || slices.Contains(called, "example.org ") {
			t.Errorf("%s: called %q", c.target, called)
		}
	}
}
