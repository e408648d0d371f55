package slack_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

// A send that was taken, but whose answer never came, is found again, and one
// that was not taken is known to be missing.
func TestSendWithoutAnswerIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault fakeslack.Fault
		want  platforms.Finding
	}{
		{"cut after taking", fakeslack.TakeThenCut(), platforms.Shown},
		{"error after taking", fakeslack.TakeThenRefuse("internal_error"), platforms.Shown},
		{"500 after taking", fakeslack.TakeThenStatus(500), platforms.Shown},
		{"cut before taking", fakeslack.Cut(), platforms.Missing},
		{"500 before taking", fakeslack.Status(500), platforms.Missing},
	} {
		for where, to := range map[string]platforms.Address{"channel": channel, "thread": thread} {
			t.Run(c.name+" in a "+where, func(t *testing.T) {
				t.Parallel()
				a, server := pair(t)
				since := time.Now()
				if _, err := a.Send(t.Context(), to, platforms.Part{Key: "other", Text: "hello"}); err != nil {
					t.Fatal(err)
				}
				server.Script(fakeslack.ChatPostMessage, c.fault)
				if _, err := a.Send(t.Context(), to, part); failure.KindOf(err) != failure.Ambiguous {
					t.Fatalf("send: %v", err)
				}
				finding, id, err := a.Find(t.Context(), to, part, since)
				if err != nil || finding != c.want {
					t.Fatalf("found %v, %v", finding, err)
				}
				if finding == platforms.Shown && id != server.Messages()[1].TS {
					t.Errorf("id %q", id)
				}
			})
		}
	}
}

func TestFindErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault fakeslack.Fault
		retry bool // else unknowable
		wait  time.Duration
	}{
		{"429", fakeslack.RateLimit(9 * time.Second), true, 9 * time.Second},
		{"ratelimited", fakeslack.Refuse("ratelimited"), true, 0},
		{"internal_error", fakeslack.Refuse("internal_error"), true, 0},
		{"service_unavailable", fakeslack.Refuse("service_unavailable"), true, 0},
		{"500", fakeslack.Status(500), true, 0},
		{"cut", fakeslack.Cut(), true, 0},
		{"garbled", fakeslack.Fault{Body: `{"ok":tr`}, true, 0},
		{"answer of another kind", fakeslack.Fault{Body: `[]`}, true, 0},
		{"missing_scope", fakeslack.Refuse("missing_scope"), false, 0},
		{"not_in_channel", fakeslack.Refuse("not_in_channel"), false, 0},
		{"channel_not_found", fakeslack.Refuse("channel_not_found"), false, 0},
		{"token_revoked", fakeslack.Refuse("token_revoked"), false, 0},
		{"unheard of", fakeslack.Refuse("brand_new_error"), false, 0},
		{"more but no cursor", fakeslack.Fault{Body: `{"ok":true,"messages":[],"has_more":true}`}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			server.Script(fakeslack.ConversationsHistory, c.fault)
			finding, _, err := a.Find(t.Context(), channel, part, time.Now())
			if finding != platforms.Unknowable {
				t.Errorf("found %v", finding)
			}
			if c.retry != (failure.KindOf(err) == failure.Retry) || c.retry != (err != nil) || failure.WaitOf(err) != c.wait {
				t.Errorf("error %v, wait %v", err, failure.WaitOf(err))
			}
		})
	}
}

// A busy channel takes several pages; what is beyond all of them is not
// guessed at.
func TestFindReadsPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after int // messages said after the part
		want  platforms.Finding
		calls int
	}{
		{450, platforms.Shown, 3},
		{2000, platforms.Unknowable, 10},
	} {
		t.Run(strconv.Itoa(c.after), func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			since := time.Now()
			if _, err := a.Send(t.Context(), channel, part); err != nil {
				t.Fatal(err)
			}
			for i := range c.after {
				server.Say("C1", "", "U1", fmt.Sprint("noise ", i))
			}
			finding, _, err := a.Find(t.Context(), channel, part, since)
			if finding != c.want || err != nil {
				t.Errorf("found %v, %v", finding, err)
			}
			if n := server.Calls(fakeslack.ConversationsHistory); n != c.calls {
				t.Errorf("%d pages", n)
			}
		})
	}
}

// Only the time around the send is looked at, with room for a clock that is
// off: ours may be minutes before or after Slack's.
func TestFindAllowsForClocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		off, later time.Duration
		want       platforms.Finding
	}{
		{4 * time.Minute, 0, platforms.Shown},
		{-4 * time.Minute, 0, platforms.Shown},
		{4 * time.Minute, time.Hour, platforms.Shown},
		{-4 * time.Minute, time.Hour, platforms.Shown},
		{10 * time.Minute, time.Hour, platforms.Missing},
		{-10 * time.Minute, time.Hour, platforms.Missing},
	} {
		since := time.Unix(1700000000, 0)
		server := fakeslack.New(t, fakeslack.Options{Now: func() time.Time { return since.Add(c.off) }})
		a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Now: func() time.Time { return since.Add(c.later) }})
		if _, err := a.Send(t.Context(), channel, part); err != nil {
			t.Fatal(err)
		}
		if finding, _, err := a.Find(t.Context(), channel, part, since); finding != c.want || err != nil {
			t.Errorf("%v off, %v later: found %v, %v", c.off, c.later, finding, err)
		}
	}
}

// What only one person sees is in no history, so a send that is not found may
// still have been shown.
func TestAnswerToACommandIsUnknowable(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	since := time.Now()
	to := platforms.Address{ChatID: "D1", Private: true, Extra: map[string]string{"response_url": server.NewResponseURL()}}
	server.Script(fakeslack.ResponseURL, fakeslack.TakeThenCut(), fakeslack.Status(404))
	if _, err := a.Send(t.Context(), to, part); failure.KindOf(err) != failure.Ambiguous {
		t.Fatal(err)
	}
	if finding, _, err := a.Find(t.Context(), to, part, since); finding != platforms.Unknowable || err != nil {
		t.Errorf("found %v, %v", finding, err)
	}
	// In the channel it can be found all the same.
	if _, err := a.Send(t.Context(), to, part); err != nil {
		t.Fatal(err)
	}
	if finding, _, err := a.Find(t.Context(), to, part, since); finding != platforms.Shown || err != nil {
		t.Errorf("found %v, %v", finding, err)
	}
}

// One message that cannot be understood must not hide the others.
func TestFindReadsAroundOddMessages(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Script(fakeslack.ConversationsHistory, fakeslack.Fault{Body: `{"ok":true,"messages":[
		{"ts":1,"metadata":"none"}, null, {"ts":"2.0","blocks":{"odd":true},"metadata":{"event_type":"parley_reply"}},
		{"ts":"3.0","metadata":{"event_type":"parley_reply","event_payload":{"delivery":7}}},
		{"ts":"4.0","metadata":{"event_type":"other","event_payload":{"delivery":"delivery-1-0"}}},
		{"ts":"5.0","metadata":{"event_type":"parley_reply","event_payload":{"delivery":"delivery-1-0"}}}]}`})
	if finding, id, err := a.Find(t.Context(), channel, part, time.Now()); finding != platforms.Shown || id != "5.0" || err != nil {
		t.Errorf("found %v %q, %v", finding, id, err)
	}
}
