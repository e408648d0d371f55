package feishu_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
)

var filePart = platforms.Part{Key: "key", File: "conversation.json", Text: `{"messages": ["漢字 & <b>"]}`}

func TestFileIsShown(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]platforms.Address{
		"reply": toReply, "create": inChat, "topic": {ChatID: "oc_1", MessageID: "om_asked", ThreadID: "omt_1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake := newSender(t)
			fake.Know("om_asked", "oc_1")
			id, err := a.Send(t.Context(), to, filePart)
			if err != nil || !a.TakesFile(to) {
				t.Fatal(err)
			}
			shown := fake.Messages()
			if len(shown) != 1 || shown[0].ID != id || shown[0].Type != "file" || shown[0].File != filePart.File ||
				shown[0].Text != filePart.Text || shown[0].UUID != "key" || shown[0].ReplyTo != to.MessageID || shown[0].InThread != (to.ThreadID != "") {
				t.Errorf("shown %+v", shown)
			}
		})
	}
}

// Whatever goes wrong at whichever call, doing what the error says shows the
// file once, or never.
func TestFileErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		route fakefeishu.Route
		fault fakefeishu.Fault
		kind  failure.Kind
		code  string
		wait  time.Duration
		shown int // at once
	}{
		{"rate limit", fakefeishu.Files, fakefeishu.RateLimited(3), failure.Retry, "feishu_99991400", 3 * time.Second, 0},
		{"no scope", fakefeishu.Files, fakefeishu.Code(400, 99991672, "x"), failure.Permanent, "feishu_99991672", 0, 0},
		{"refused", fakefeishu.Files, fakefeishu.Code(400, 234007, "x"), failure.Permanent, "feishu_234007", 0, 0},
		{"proxy", fakefeishu.Files, fakefeishu.BadGateway(413), failure.Permanent, "feishu_http_413", 0, 0},
		{"500", fakefeishu.Files, fakefeishu.ServerError(), failure.Retry, "feishu_2200", 0, 0},
		{"502 from a proxy", fakefeishu.Files, fakefeishu.BadGateway(502), failure.Retry, "feishu_http_502", 0, 0},
		{"cut", fakefeishu.Files, fakefeishu.Cut(), failure.Retry, "feishu_no_answer", 0, 0},
		{"taken and cut", fakefeishu.Files, fakefeishu.TakeThenCut(), failure.Retry, "feishu_no_answer", 0, 0},
		{"no key", fakefeishu.Files, fakefeishu.Code(200, 0, "ok"), failure.Retry, "feishu_http_200", 0, 0},
		{"no token", fakefeishu.Token, fakefeishu.ServerError(), failure.Retry, "feishu_2200", 0, 0},
		{"no answer", fakefeishu.Reply, fakefeishu.Cut(), failure.Ambiguous, "feishu_no_answer", 0, 0},
		{"taken and cut", fakefeishu.Reply, fakefeishu.TakeThenCut(), failure.Ambiguous, "feishu_no_answer", 0, 1},
		{"taken and 500", fakefeishu.Reply, fakefeishu.TakeThenServerError(), failure.Ambiguous, "feishu_2200", 0, 1},
		{"not in the chat", fakefeishu.Reply, fakefeishu.Code(400, 230002, "x"), failure.Permanent, "feishu_230002", 0, 0},
	} {
		t.Run(string(c.route)+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			a, fake := newSender(t)
			fake.SetNow(func() time.Time { return arrival })
			fake.Misbehave(c.route, c.fault)
			_, err := a.Send(t.Context(), toReply, filePart)
			wantKind(t, err, c.kind, c.code)
			if failure.WaitOf(err) != c.wait || len(fake.Messages()) != c.shown {
				t.Fatalf("wait %s, shown %+v", failure.WaitOf(err), fake.Messages())
			}
			if named := strings.Contains(err.Error(), "im:resource"); named != (c.name == "no scope") {
				t.Errorf("the scope is named: %v, in %v", named, err)
			}
			if c.kind == failure.Permanent {
				return
			}
			if f, _, err := a.Find(t.Context(), toReply, filePart, arrival); c.kind == failure.Ambiguous && (f != platforms.Missing || err != nil) {
				t.Fatalf("finding %d, %v", f, err)
			}
			if _, err := a.Send(t.Context(), toReply, filePart); err != nil {
				t.Fatal(err)
			}
			if shown := fake.Messages(); len(shown) != 1 || shown[0].Text != filePart.Text {
				t.Errorf("in the end shown %+v", shown)
			}
		})
	}
}

// What hangs before the message itself can be made again.
func TestFileUploadThatHangs(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Misbehave(fakefeishu.Files, fakefeishu.TakeThenHang())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		if err := fake.WaitRequests(t.Context(), fakefeishu.Files, 1); err != nil {
			t.Error(err)
		}
	}()
	_, err := a.Send(ctx, toReply, filePart)
	<-ctx.Done()
	wantKind(t, err, failure.Retry, "feishu_no_answer")
}

// An upload renews its token like any other call, and a file to a recalled
// message stands in the chat.
func TestFileWithANewTokenForARecalledMessage(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Recall("om_asked")
	fake.Misbehave(fakefeishu.Files, fakefeishu.ExpireToken())
	if _, err := a.Send(t.Context(), toReply, filePart); err != nil {
		t.Fatal(err)
	}
	shown := fake.Messages()
	if len(shown) != 1 || shown[0].Text != filePart.Text || shown[0].ReplyTo != "" || fake.Requests(fakefeishu.Token) != 2 || fake.Requests(fakefeishu.Files) != 2 {
		t.Errorf("shown %+v", shown)
	}
}
