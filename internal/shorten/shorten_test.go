package shorten_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/shorten"
)

const family = "👩‍👩‍👧" // five code points, 18 bytes

func TestBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 0, ""},
		{"hello", 5, "hello"},
		{"hello", 4, "hell"},
		{"hello", 0, ""},
		{"世界", 5, "世"},
		{"a" + family + "b", 19, "a" + family},
		{"a" + family + "b", 18, "a"},
		{"e\u0301e\u0301", 5, "e\u0301"},
		{family, 7, "👩‍"}, // larger than the limit by itself
		{"a\xff\xffb", 2, "a\xff"},
		{strings.Repeat("x", 1<<20), 1 << 16, strings.Repeat("x", 1<<16)},
		{"z" + strings.Repeat("\u0301", 5000), 100, "z" + strings.Repeat("\u0301", 49)},
	} {
		if got := shorten.Bytes(c.text, c.limit); got != c.want {
			t.Errorf("%.20q to %d: %.40q, want %.40q", c.text, c.limit, got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"世界", 2, "世界"},
		{"世界人", 2, "世界…"},
		{"ab" + family, 4, "ab…"},
		{strings.Repeat("😀", 600), 500, strings.Repeat("😀", 500) + "…"},
	} {
		if got := shorten.Line(c.text, c.limit); got != c.want {
			t.Errorf("%.20q to %d: %.40q", c.text, c.limit, got)
		}
	}
}

func FuzzBytes(f *testing.F) {
	f.Add("a"+family, 7)
	f.Add("\xff\xf0\x9f", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 1<<12)
		got := shorten.Bytes(text, limit)
		if len(got) > limit || !strings.HasPrefix(text, got) || utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q to %d bytes: %q", text, limit, got)
		}
		if runes := shorten.Runes(text, limit); utf8.RuneCountInString(runes) > limit || !strings.HasPrefix(text, runes) {
			t.Errorf("%q to %d runes: %q", text, limit, runes)
		}
	})
}
