package slack_test

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/platformtest"
)

// shared is the event of a message with a file.
func shared(t *testing.T, file map[string]any) platforms.Event {
	t.Helper()
	return receiveOne(t, fakeslack.MessageEvent(fakeslack.Event{
		ChannelType: "im", More: map[string]any{"subtype": "file_share", "files": []any{file}},
	}))
}

func TestFetch(t *testing.T) {
	t.Parallel()
	a, fake := pair(t)
	var count atomic.Int64
	platformtest.TestFetch(t, platformtest.Fetching{
		Fetcher: a,
		Share: func(t *testing.T, name, contentType, content string) platforms.Event {
			t.Helper()
			return shared(t, fake.Attach(fakeslack.Hosted{ID: "F" + strconv.FormatInt(count.Add(1), 10), Name: name, Mimetype: contentType, Content: content}))
		},
		Gone: func(e platforms.Event) {
			fake.Attach(fakeslack.Hosted{ID: e.Files[0].Ref, URL: "http://169.254.169.254/x"})
		},
		Redirect: func(e platforms.Event, address string) {
			fake.Attach(fakeslack.Hosted{ID: e.Files[0].Ref, Content: "x", Redirect: address})
		},
		Fail: func(status int) { fake.Script(fakeslack.FileDownload, fakeslack.Status(status)) },
	})
}

func TestFilesThatSlackDoesNotGive(t *testing.T) {
	t.Parallel()
	a, fake := pair(t)
	for name, c := range map[string]struct {
		file fakeslack.Hosted
		more map[string]any
		code string
	}{
		"another host":        {fakeslack.Hosted{ID: "F1", Content: "x", URL: "https://files.slack.com.evil.example/x"}, nil, "foreign_host"},
		"with a user":         {fakeslack.Hosted{ID: "F2", Content: "x", URL: strings.Replace(fake.URL(), "//", "//x@", 1) + "/files-pri/F2/a"}, nil, "foreign_host"},
		"no address":          {fakeslack.Hosted{ID: "F3", Content: "x", URL: " "}, nil, "foreign_host"},
		"two gigabytes claim": {fakeslack.Hosted{ID: "F4", Content: "x", Size: 2 << 30}, nil, platforms.CodeFileTooLarge},
	} {
		e := shared(t, fake.Attach(c.file))
		if got, err := a.Fetch(t.Context(), e, e.Files[0], 1<<20); failure.CodeOf(err) != c.code || len(got.Body) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := fake.Calls(fakeslack.FileDownload); n != 0 {
		t.Errorf("%d downloads", n)
	}
	fake.Grant("chat:write")
	e := shared(t, fake.Attach(fakeslack.Hosted{ID: "F9", Name: "a.png", Mimetype: "image/png", Content: "x"}))
	if _, err := a.Fetch(t.Context(), e, e.Files[0], 100); failure.CodeOf(err) != "missing_scope" || !strings.Contains(failure.SafeOf(err), "files:read") {
		t.Errorf("without the scope: %v", err)
	}
}

// What Slack hears in a recording takes a moment to be there.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	a, fake := pair(t)
	clip := fakeslack.Hosted{ID: "F1", Name: "audio_message.m4a", Mimetype: "audio/mp4", Content: "sound"}
	for said, states := range map[string][]string{"buy milk": {"buy milk"}, "call Bob": {"processing", "processing", "call Bob"}, "": {"failed"}} {
		clip.Transcripts = states
		e := shared(t, fake.Attach(clip))
		got, err := a.Fetch(t.Context(), e, e.Files[0], 100)
		if err != nil || got.Transcript != said || (said == "") != (string(got.Body) == "sound") {
			t.Errorf("%q: %+v, %v", states, got, err)
		}
	}
}
