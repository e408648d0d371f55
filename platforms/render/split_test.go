package render_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/parley-bot/parley/platforms/render"
	"github.com/parley-bot/parley/platforms/render/rendertest"
)

func bytesOf(s string) int { return len(s) }

func split(text string, limit int, size func(string) int) []string {
	return render.Split(text, render.Limits{Size: limit, Measure: size})
}

// leftOpen reports whether a part ends inside a code block.
func leftOpen(part string) bool {
	blocks := render.Parse(part + "\n\nmarker")
	last := blocks[len(blocks)-1]
	return last.Kind != render.Paragraph || render.Text(last.Spans) != "marker"
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		text  string
		limit int
		want  []string
	}{
		{"empty", "", 10, nil},
		{"fits", "hello", 5, []string{"hello"}},
		{"no limit", "hello", 0, []string{"hello"}},
		{"paragraph before line", "one two\n\nthree\nfour five", 18, []string{"one two\n\n", "three\nfour five"}},
		{"line before word", "one two\nthree four five", 16, []string{"one two\n", "three four five"}},
		{"line not too early", "a\nbbb ccc ddd eee", 12, []string{"a\nbbb ccc ", "ddd eee"}},
		{"sentence", "One two. Three four", 14, []string{"One two. ", "Three four"}},
		{"word", "hello big world", 11, []string{"hello big ", "world"}},
		{"early word before none", "a bbbbbbbbbb", 10, []string{"a ", "bbbbbbbbbb"}},
		{"long word", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"chinese sentence", "今天天气很好。我们去公园吧", 9, []string{"今天天气很好。", "我们去公园吧"}},
		{"chinese without borders", "OK 一二三四五六七八九十", 8, []string{"OK 一二三四五", "六七八九十"}},
		{"no line begins with a comma", "一二三四，五六", 4, []string{"一二三", "四，五六"}},
		{"no blank part", "aaaa\n\nbbbb", 4, []string{"aaaa", "\n\nbb", "bb"}},
		{"white space only", "      ", 4, []string{"    ", "  "}},
		{"crlf", "aaa\r\nbbb", 4, []string{"aaa", "\r\nbb", "b"}},
		{
			"code block moves as a whole", "some words\n```\ncode\n```\n", 20,
			[]string{"some words\n", "```\ncode\n```\n"},
		},
		{
			"code block", "```go\none()\ntwo()\nthree()\n```\nend", 24,
			[]string{"```go\none()\ntwo()\n```", "```go\nthree()\n```\nend"},
		},
		{
			"long code line", "~~~\n" + strings.Repeat("x", 20) + "\n~~~", 18,
			[]string{"~~~\n" + strings.Repeat("x", 10) + "\n~~~", "~~~\n" + strings.Repeat("x", 10) + "\n~~~"},
		},
		{
			"longer fence, indented", "   ````md\n```\nabcd\n```\nbbbbbbbbb\n   ````\n", 40,
			[]string{"   ````md\n```\nabcd\n```\n   ````", "   ````md\nbbbbbbbbb\n   ````\n"},
		},
		{
			"never closed", "```\naaaaaa\nbbbbbb\ncccccc", 20,
			[]string{"```\naaaaaa\n```", "```\nbbbbbb\ncccccc"},
		},
		{
			"table", "| a | b |\n|---|---|\n| one | two |\n| three | four |\n", 40,
			[]string{"| a | b |\n|---|---|\n| one | two |\n", "| a | b |\n|---|---|\n| three | four |\n"},
		},
		{
			"list", "- one\n  - two\n  - three\n- four\n", 16,
			[]string{"- one\n  - two\n", "- three\n", "- four\n"},
		},
		{
			"code in a list", "- Run:\n  ```sh\n  one\n  two\n  ```\n", 32,
			[]string{"- Run:\n  ```sh\n  one\n  ```", "```sh\ntwo\n```\n"},
		},
		{
			"code in a quote", "> ```\n> one\n> two\n> three\n> ```\n", 30,
			[]string{"> ```\n> one\n> two\n> ```", "> ```\n> three\n> ```\n"},
		},
		{"a heading stays with its text", "first one\n## Two\ntext of it", 18, []string{"first one\n", "## Two\ntext of it"}},
		{
			"fence too long to repeat", "```" + strings.Repeat("i", 20) + "\nab cd ef gh\n```", 32,
			[]string{"```" + strings.Repeat("i", 20) + "\nab cd ", "ef gh\n```"},
		},
		{
			"a cut makes no fence", "words that precede ~~~ and follow", 20,
			[]string{"words that ", "precede ~~~ and ", "follow"},
		},
		{
			"a cut closes no code block", "```\nwords in front ```\n```\n", 25,
			[]string{"```\nwords in \n```", "```\nfront ```\n```\n"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := split(tc.text, tc.limit, utf8.RuneCountInString)
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
			if err := rendertest.Check(tc.text, got, tc.limit, utf8.RuneCountInString); err != nil {
				t.Error(err)
			}
		})
	}
}

// Case 15: an emoji cut in half at a chunk's edge.
func TestCase15NoCharacterIsCut(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\r\n", "👍🏽", "한", "1️⃣", "क्षि", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "世"} {
		for limit := len(c); limit < 2*len(c)+3; limit++ {
			text := strings.Repeat("a"+c, 20)
			parts := split(text, limit, bytesOf)
			if err := rendertest.Check(text, parts, limit, bytesOf); err != nil {
				t.Error(err)
			}
			if i, ok := cutCluster(text, parts); ok {
				t.Errorf("limit %d: %q is cut after part %d: %q", limit, c, i, parts)
			}
		}
	}
}

// A cluster that no part can hold is cut between its characters.
func TestHugeCluster(t *testing.T) {
	t.Parallel()
	text := "a" + strings.Repeat("\u0301", 20)
	parts := split(text, 8, bytesOf)
	if err := rendertest.Check(text, parts, 8, bytesOf); err != nil {
		t.Error(err)
	}
	for _, p := range parts {
		if !utf8.ValidString(p) {
			t.Errorf("%q is cut inside a character", p)
		}
	}
	if parts := split("世界", 2, bytesOf); !slices.Equal(parts, []string{"世", "界"}) {
		t.Errorf("characters larger than the limit: %q", parts)
	}
}

// cutCluster looks for a border between parts that is none between clusters.
// The parts must hold no added fences.
func cutCluster(text string, parts []string) (part int, found bool) {
	borders := map[int]bool{}
	g, at := uniseg.NewGraphemes(text), 0
	for g.Next() {
		at += len(g.Str())
		borders[at] = true
	}
	at = 0
	for i, p := range parts {
		if at += len(p); !borders[at] {
			return i + 1, true
		}
	}
	return 0, false
}

// pieces are what replies are made of, and what is hard to split.
func pieces() []string {
	return []string{
		"\n", "\n\n", "\r\n", " ", " ", " ", "  ", "\t", "word", "word ", "two words ", "Sentence. ", "longerword ", " ~~~ ", " ```",
		"```\n", "```\n", "```go\n", "\n```", "````\n", "~~~\n", "~~~ sh\n", "\n~~~", "   ```\n", "``", "`", "```x```",
		"你好", "。", "，", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "| a | b |\n", "- item\n", "\xff", "\x00", "\u00a0",
	}
}

func TestSplitProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.SampledFrom([]int{0, 30, 100}).Draw(t, "least")
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces()), least, 200).Draw(t, "pieces"), "")
		limit := rapid.IntRange(1, 200).Draw(t, "limit")
		size := bytesOf
		if rapid.Bool().Draw(t, "characters") {
			size = utf8.RuneCountInString
		}
		parts := split(text, limit, size)
		if err := rendertest.Check(text, parts, limit, size); err != nil {
			t.Fatal(err)
		}
		if again := split(text, limit, size); !slices.Equal(parts, again) {
			t.Fatalf("not the same twice: %q and %q", parts, again)
		}
		if limit < 60 || hasLongFence(text, limit) {
			return // a part of few clusters may have no other place for a cut
		}
		for i, p := range parts {
			if leftOpen(p) && (i < len(parts)-1 || !leftOpen(text)) {
				t.Fatalf("limit %d: part %d is left open: %q", limit, i+1, parts)
			}
		}
	})
}

// hasLongFence reports whether a line that begins like a fence, or a run that
// would if a line began there, is too long for any cut to spare it.
func hasLongFence(text string, limit int) bool {
	for l := range strings.Lines(text) {
		trimmed := strings.TrimLeft(l, " \t")
		if (strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~")) && len(l)*6+2 > limit {
			return true
		}
	}
	for _, run := range regexp.MustCompile("[ \t]*(```+|~~~+)").FindAllString(text, -1) {
		if len(run)*6+2 > limit {
			return true
		}
	}
	return false
}

// Any text at all: nothing is lost and no part is too long.
func TestSplitAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(1, 40).Draw(t, "limit")
		if err := rendertest.Check(text, split(text, limit, bytesOf), limit, bytesOf); err != nil {
			t.Fatal(err)
		}
	})
}

// The work per byte must not grow with the text, whatever it is made of.
func TestSplitIsLinear(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"word ", "a", " ", "\n", "`", "``` ", "```\nx\n```\n", "```\n", "\u0301", "。", "a.", "👩‍", "a " + strings.Repeat("b", 3998)} {
		calls := 0
		count := func(s string) int { calls++; return len(s) }
		text := strings.Repeat(unit, 1<<18/len(unit))
		start := time.Now()
		parts := split(text, 4000, count)
		if calls > 3*len(text)+100 {
			t.Errorf("%q: size was called %d times for %d bytes", unit, calls, len(text))
		}
		if len(parts) > 6*len(text)/4000+2 {
			t.Errorf("%.20q: %d parts", unit, len(parts))
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%.20q took %v", unit, d)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("```go\nx := 1\n```\nend", 12)
	f.Add("one two\n\nthree 👩‍👩‍👧‍👦 four", 9)
	f.Add(strings.Join(pieces(), ""), 40)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if err := rendertest.Check(text, split(text, limit, bytesOf), limit, bytesOf); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	text := strings.Repeat("Some words of a reply, as models write them.\n\n```go\nfmt.Println(1)\n```\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		split(text, 4000, bytesOf)
	}
}

// What else than its size bounds a message: tables, rows, cells and blocks.
func TestSplitWithinLimits(t *testing.T) {
	t.Parallel()
	table := func(rows int) string { return "| a | b |\n|---|---|\n" + strings.Repeat("| c | d |\n", rows) }
	for _, tc := range []struct {
		name   string
		text   string
		limits render.Limits
		want   []int // blocks of each part
	}{
		{"rows", table(25), render.Limits{Rows: 11}, []int{1, 1, 1}},
		{"tables", table(2) + "\n" + table(1) + "\n" + table(3), render.Limits{Tables: 2}, []int{2, 1}},
		{"cells", table(20), render.Limits{Cells: 130}, []int{1, 1}},
		{"blocks", strings.Repeat("one\n\n", 12), render.Limits{Blocks: 5}, []int{5, 5, 2}},
		{"none", table(25) + "\n" + strings.Repeat("one\n\n", 12), render.Limits{}, []int{13}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.limits.Size, tc.limits.Measure = 10_000, bytesOf
			parts := render.Split(tc.text, tc.limits)
			if err := rendertest.Check(tc.text, parts, 10_000, bytesOf); err != nil {
				t.Error(err)
			}
			var got []int
			for _, p := range parts {
				blocks := render.Parse(p)
				got = append(got, len(blocks))
				for _, b := range blocks {
					if b.Kind == render.Table && (render.Text(b.Rows[0][0]) != "a" || len(b.Rows) < 2) {
						t.Errorf("a table without its head or rows: %q", p)
					}
					if b.Kind == render.Table && tc.limits.Rows > 0 && len(b.Rows) > tc.limits.Rows {
						t.Errorf("%d rows", len(b.Rows))
					}
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("blocks of the parts: %d, want %d: %q", got, tc.want, parts)
			}
		})
	}
}
