package render_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/platforms/render"
	"github.com/parley-bot/parley/platforms/render/rendertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	t.Parallel()
	rendertest.Golden(t, "testdata/tree.txtar", *update, func(source string) string {
		return dump(render.Parse(source), "")
	})
}

// dump writes blocks one a line.
func dump(blocks []render.Block, indent string) string {
	var b strings.Builder
	for _, block := range blocks {
		b.WriteString(indent + dumpOne(block) + "\n")
		b.WriteString(dump(block.Blocks, indent+"  "))
		for _, item := range block.Items {
			b.WriteString(indent + "  item\n" + dump(item, indent+"    "))
		}
		for _, row := range block.Rows {
			for i, cell := range row {
				fmt.Fprintf(&b, "%s  cell %d%s\n", indent, block.Align[i], dumpSpans(cell))
			}
		}
	}
	return b.String()
}

func dumpOne(b render.Block) string {
	name := []string{"paragraph", "heading", "code", "quote", "list", "table", "rule"}[b.Kind]
	switch b.Kind {
	case render.Heading:
		name = fmt.Sprintf("%s %d", name, b.Level)
	case render.Code:
		name = fmt.Sprintf("%s %s %q", name, b.Language, b.Text)
	case render.List:
		if b.Ordered {
			name = fmt.Sprintf("%s from %d", name, b.Start)
		}
	default:
	}
	return name + dumpSpans(b.Spans)
}

func dumpSpans(spans []render.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(" ")
		for i, style := range []string{"b", "i", "s", "m"} {
			if s.Style&(1<<i) != 0 {
				b.WriteString(style)
			}
		}
		fmt.Fprintf(&b, "%q", s.Text)
		if s.URL != "" {
			b.WriteString("→" + s.URL)
		}
	}
	return b.String()
}

// markup is what texts are made of that are hard to read.
func markup() []string {
	return append(pieces(), "*", "**", "***", "_", "__", "~~", "\\", "[", "]", "(", ")", "](", "![", "<", ">", "> ", "| ", "|\n|---|---|\n|",
		"1. ", "7) ", "- ", "* ", "+ ", "    ", "# ", "#", "\n===\n", "\n---\n", "<br>", "&amp;", "https://example.com/a", "mailto:a@b.c",
		"<https://a.b>", "<a@b.c>", `"title"`, "[x]: /y\n", "<div>\n", "<!--", "-->", "x", "1", "重要", "：", "（", "）", "“", "”")
}

// Any input at all: what is read holds all its text, in order.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(markup()), 0, 60).Draw(t, "pieces"), "")
		if err := rendertest.Parsed(source, render.Parse(source)); err != nil {
			t.Fatal(err)
		}
	})
}

// A reply may end, or be cut, right behind the first letter of a fence's language.
func TestLanguageAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"```c", "a\n```c", "> ```c", "- ```c", "~~~c"} {
		if err := rendertest.Parsed(source, render.Parse(source)); err != nil {
			t.Error(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("**重要：**请 `a|b` [x](y) | a | b |\n|---|---|\n| c |")
	f.Add(strings.Join(markup(), ""))
	f.Fuzz(func(t *testing.T, source string) {
		if err := rendertest.Parsed(source, render.Parse(source)); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever a text is made of, reading it takes time by its length.
func TestParseIsQuick(t *testing.T) {
	t.Parallel()
	for _, unit := range append(markup(), "*a_ ", "**a*", "_*a", "[a](", "![", "[[]", "`a``", "> a\n>>", "- - ", "| `a", "a|", "__a", "\n> - a", "1. \n", "a\n\n", "<a:", "https://", "[a](b)") {
		source := strings.Repeat(unit, 1<<16/len(unit))
		start := time.Now()
		render.Parse(source)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%q: %v", unit, d)
		} else if d > 300*time.Millisecond {
			t.Logf("%q: %v", unit, d)
		}
	}
}

// 11,000 characters as models write them.
func BenchmarkParse(b *testing.B) {
	unit := "## 概述\n\nSome **words：**请 of a [reply](https://example.com), as `models` write them.\n\n- one\n- *two*\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```go\nfmt.Println(1)\n```\n\n"
	source := strings.Repeat(unit, 11000/len([]rune(unit)))
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		render.Parse(source)
	}
}
