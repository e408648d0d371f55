package web

import (
	"strings"
	"testing"
	"time"
)

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		headers []string
		want    time.Duration
		ok      bool
	}{
		{nil, 0, false},
		{[]string{""}, 0, false},
		{[]string{"wait=10"}, 10 * time.Second, true},
		{[]string{"Wait=10"}, 10 * time.Second, true},
		{[]string{" wait = 10 "}, 10 * time.Second, true},
		{[]string{`wait="10"`}, 10 * time.Second, true},
		{[]string{"wait=0"}, 0, true},
		{[]string{"wait=120"}, 120 * time.Second, true},
		{[]string{"wait=121"}, 120 * time.Second, true},
		{[]string{"wait=99999999999999999999999"}, 120 * time.Second, true},
		{[]string{"wait=-1"}, 0, false},
		{[]string{"wait=+1"}, 0, false},
		{[]string{"wait=1.5"}, 0, false},
		{[]string{"wait=ten"}, 0, false},
		{[]string{"wait="}, 0, false},
		{[]string{"wait"}, 0, false},
		{[]string{"waiting=5"}, 0, false},
		{[]string{"respond-async, wait=5"}, 5 * time.Second, true},
		{[]string{"respond-async", "wait=5"}, 5 * time.Second, true},
		{[]string{"wait=5, wait=9"}, 5 * time.Second, true},
		{[]string{"wait=x", "wait=9"}, 0, false}, // only the first counts
		{[]string{"wait=5; foo=bar"}, 5 * time.Second, true},
		{[]string{`foo="a, wait=5"`}, 0, false},
		{[]string{`foo="a\", wait=5", wait=6`}, 6 * time.Second, true},
		{[]string{`foo; bar="x,y;z", wait=7`}, 7 * time.Second, true},
		{[]string{`return=minimal; wait=5`}, 0, false}, // a parameter of another preference
	} {
		if got, ok := preferredWait(tt.headers); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %s %t, want %s %t", tt.headers, got, ok, tt.want, tt.ok)
		}
	}
}

func TestWantsStream(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"":                                      false,
		"*/*":                                   false,
		"application/json":                      false,
		"text/event-stream":                     true,
		"TEXT/Event-Stream":                     true,
		"application/json, text/event-stream":   true,
		"text/event-stream;q=0.5":               true,
		"text/event-stream;q=0":                 false,
		"text/event-stream; q=0.000":            false,
		"text/event-streaming":                  false,
		`text/plain;x="text/event-stream, no"`:  false,
		"text/event-stream; charset=utf-8, */*": true,
	} {
		if got := wantsStream([]string{accept}); got != want {
			t.Errorf("%q: %t, want %t", accept, got, want)
		}
	}
}

func FuzzPreferredWait(f *testing.F) {
	for _, seed := range []string{"wait=10", `a="b\",c", wait="3";x`, "wait=99999999999999999999", `"`, `\`, ",;=", `wait="\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, ok := preferredWait([]string{header})
		if got < 0 || got > maxWait || got%time.Second != 0 || (!ok && got != 0) {
			t.Errorf("%q: %s %t", header, got, ok)
		}
		if ok && !strings.Contains(strings.ToLower(header), "wait") {
			t.Errorf("%q: a wait out of nothing", header)
		}
		parts := 0
		for range splitQuoted(header, ',') {
			parts++
		}
		if parts > strings.Count(header, ",")+1 {
			t.Errorf("%q: %d parts", header, parts)
		}
	})
}
