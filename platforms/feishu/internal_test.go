package feishu

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// The vector of Feishu's documentation.
func TestDecryptVector(t *testing.T) {
	t.Parallel()
	plain, err := decrypt("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key")
	if err != nil || !bytes.HasPrefix(plain, []byte("hello world")) {
		t.Fatalf("got %q, %v", plain, err)
	}
	const padding = 5 // 11 characters in a block of 16
	if rest := plain[len("hello world"):]; !bytes.Equal(rest, bytes.Repeat([]byte{padding}, padding)) {
		t.Errorf("padding %v", rest)
	}
}

func TestTokenIsFetchedOnceWhileItLasts(t *testing.T) {
	t.Parallel()
	now, fetches := time.Unix(0, 0), 0
	c := newTokenCache(func(context.Context) (string, time.Duration, error) {
		fetches++
		return "t" + string(rune('0'+fetches)), 2 * time.Hour, nil
	}, func() time.Time { return now })
	get := func(want string) {
		t.Helper()
		if got, err := c.get(t.Context()); err != nil || got != want {
			t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
	get("t1")
	now = now.Add(2*time.Hour - tokenMargin - time.Second)
	get("t1")
	now = now.Add(time.Second)
	get("t2")
	c.drop("t1") // somebody was late to notice
	get("t2")
	c.drop("t2")
	get("t3")
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		o    outcome
		err  error
		kind failure.Kind
		code string
	}{
		{"bot not in the chat", outcome{status: 400, code: 230002}, nil, failure.Permanent, "feishu_230002"},
		{"no answer", outcome{}, errors.New("EOF"), failure.Ambiguous, "feishu_no_answer"},
		{"unreached", outcome{}, &unreachedError{errors.New("dial")}, failure.Retry, "feishu_unreachable"},
		{"proxy refuses", outcome{}, &statusError{status: 403}, failure.Retry, "feishu_http_403"},
		{"proxy timed out", outcome{}, &statusError{status: 504}, failure.Ambiguous, "feishu_http_504"},
		{"incomplete", outcome{status: 200}, nil, failure.Ambiguous, "feishu_http_200"},
		{"unknown with 200", outcome{status: 200, code: 42}, nil, failure.Retry, "feishu_42"},
		{"unknown and for good", outcome{status: 200, code: 42, final: true}, nil, failure.Permanent, "feishu_42"},
		{"unknown with 500", outcome{status: 500, code: 42}, nil, failure.Ambiguous, "feishu_42"},
		{"limit with 500", outcome{status: 500, code: 11232}, nil, failure.Retry, "feishu_11232"},
		{"token", outcome{status: 400, code: 99991663}, nil, failure.Retry, "feishu_99991663"},
	} {
		err := classify(tc.o, tc.err)
		if failure.KindOf(err) != tc.kind || failure.CodeOf(err) != tc.code || err == nil {
			t.Errorf("%s: kind %d, code %s: %v", tc.name, failure.KindOf(err), failure.CodeOf(err), err)
		}
	}
	if err := classify(outcome{status: 200, id: "om_1"}, nil); err != nil {
		t.Errorf("done: %v", err)
	}
}
