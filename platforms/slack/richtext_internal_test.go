package slack

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/platforms/render/rendertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shown is the text of blocks as somebody reads it, and the addresses of links.
func shown(t interface{ Fatal(...any) }, markdown string) (text string, raw []byte) {
	blocks, _ := rendered(markdown)
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	var all []any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	read(&out, all)
	return out.String(), raw
}

func read(out *strings.Builder, v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			read(out, one)
		}
	case map[string]any:
		if text, ok := v["text"].(string); ok {
			out.WriteString(text)
		}
		if url, ok := v["url"].(string); ok && url != v["text"] {
			out.WriteString(" " + url)
		}
		read(out, v["elements"])
		read(out, v["rows"])
	}
}

func TestGoldenBlocks(t *testing.T) {
	t.Parallel()
	rendertest.Golden(t, "testdata/blocks.txtar", *update, func(source string) string {
		_, raw := shown(t, source)
		var blocks []any
		if err := json.Unmarshal(raw, &blocks); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		outline(&out, blocks, "")
		return out.String()
	})
}

// outline writes blocks one a line, and what stands in a line behind its block.
func outline(out *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			outline(out, one, indent)
		}
	case map[string]any:
		text, isText := v["text"].(string)
		if isText {
			fmt.Fprintf(out, " %q", text)
			if url, ok := v["url"].(string); ok {
				out.WriteString("→" + url)
			}
			for _, style := range []string{"bold", "italic", "strike", "code"} {
				if styles, _ := v["style"].(map[string]any); styles[style] == true {
					out.WriteString(" " + style)
				}
			}
			return
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(indent + v["type"].(string))
		for _, name := range []string{"style", "indent", "offset", "border", "language", "caption", "column_settings"} {
			if value := v[name]; value != nil && value != 0.0 {
				fmt.Fprintf(out, " %s=%v", name, value)
			}
		}
		outline(out, v["elements"], indent+"  ")
		outline(out, v["rows"], indent+"  ")
	}
}

// invalid says what Slack would refuse about blocks.
func invalid(raw []byte) error {
	var blocks []struct {
		Type    string  `json:"type"`
		Rows    [][]any `json:"rows"`
		Caption string  `json:"caption"`
	}
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return err
	}
	tables, several, cells := 0, false, 0
	for _, b := range blocks {
		for _, row := range b.Rows {
			var out strings.Builder
			read(&out, row)
			cells += utf8.RuneCountInString(out.String())
			if len(row) != len(b.Rows[0]) || len(row) > maxColumns {
				return fmt.Errorf("a row of %d cells", len(row))
			}
		}
		if b.Type == "table" {
			tables++
		}
		several = several || b.Type == "data_table"
		if len(b.Rows) > maxRows || b.Type == "data_table" && (len(b.Rows) < 2 || b.Caption == "") {
			return fmt.Errorf("a %s of %d rows", b.Type, len(b.Rows))
		}
	}
	if len(blocks) >= maxBlocks || cells > maxCells || tables > 1 && !several {
		return fmt.Errorf("%d blocks, %d tables, %d characters in cells", len(blocks), tables, cells)
	}
	if text := string(raw); strings.Contains(text, `"text":""`) || strings.Contains(text, `"elements":[]`) || strings.Contains(text, "null") {
		return errors.New("nothing where a text must stand")
	}
	return nil
}

// pieces are what texts are made of that are hard to read.
func pieces() []string {
	return []string{
		"word ", "一段中文", "**", "*", "_", "~~", "`", "```\n", "```go\n", "\n", "\n\n", "# ", "> ", "- ", "1. ", "    ", "| a | b |\n|---|---|\n", "| x |\n", "|",
		"<@U1>", "<!here>", "@channel", "[x](https://a.example)", "[](https://b.example)", "[y](javascript:z)", "https://c.example", "---\n", "&amp;", "<b>", "\\", "：", "👩‍👩‍👧‍👦", "\t", "\x00",
		strings.Repeat("| c ", 25) + "|\n" + strings.Repeat("|---", 25) + "|\n",
	}
}

// Any input at all: the blocks hold all its text, in order, and Slack takes them.
func TestBlocksHoldAllOfTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces()), 0, 80).Draw(t, "pieces"), "")
		text, raw := shown(t, source)
		if err := rendertest.Shown(source, text); err != nil {
			t.Fatal(err)
		}
		if string(raw) != "null" { // there is nothing to show
			if err := invalid(raw); err != nil {
				t.Fatalf("%v: %s", err, raw)
			}
		}
	})
}

// So does the text beside the blocks, which stands alone in notifications.
func TestFallbackHoldsAllOfTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces()), 0, 80).Draw(t, "pieces"), "")
		if _, text := rendered(source); source != "" {
			if err := rendertest.Shown(source, unescape(text)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFallback(t *testing.T) {
	t.Parallel()
	for markdown, want := range map[string]string{
		"a  b\n c\n":                                  "a  b\n c\n", // no markup: as it stands
		"**重要：**请 & <b>":                              "重要：请 &amp; &lt;b&gt;",
		"# Head\n\n*x* ~~y~~ `z`":                     "Head\n\nx y `z`",
		"[here](https://a.example) [b](javascript:c)": "here (https://a.example) b (javascript:c)",
		"- a\n- b\n  1. c\n  2. d\n\n> e\n> f":        "• a\n• b\n    1. c\n    2. d\n\n&gt; e\n&gt; f",
		"```go\nx\n```\n\n---":                        "```go\nx\n```\n\n⸻",
		"<!channel> *<@U1>*":                          "&lt;!channel&gt; &lt;@U1&gt;",
		"[a]: https://b.example":                      "[a]: https://b.example", // which shows nothing at all
	} {
		if _, text := rendered(markdown); text != want {
			t.Errorf("%q became %q, want %q", markdown, text, want)
		}
	}
}

// However long a reply and full of tables it is, each of its parts is taken.
func TestPartsAreWithinTheLimits(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"many tables":   strings.Repeat("| a | b |\n|---|---|\n| 1 | 2 |\n\ntext\n\n", 200),
		"long table":    "| a | b |\n|---|---|\n" + strings.Repeat("| one | two |\n", 700),
		"full cells":    "| a | b |\n|---|---|\n" + strings.Repeat("| "+strings.Repeat("x", 2000)+" | y |\n", 30),
		"wide table":    strings.Repeat("| c ", 30) + "|\n" + strings.Repeat("|---", 30) + "|\n" + strings.Repeat(strings.Repeat("| v ", 30)+"|\n", 50),
		"many rules":    strings.Repeat("text\n\n---\n\n", 300),
		"many headings": strings.Repeat("# head\n\ntext\n\n", 700),
		"empty cells":   "| | |\n|---|---|\n| | |\n",
		"heads alone":   strings.Repeat("| a | b |\n|---|---|\n\n", 3),
		"code":          "```go\n" + strings.Repeat("x := 1 < 2\n", 3000) + "```",
	} {
		var all strings.Builder
		for _, part := range (&Adapter{}).Split(reply) {
			text, raw := shown(t, part)
			if err := invalid(raw); err != nil {
				t.Errorf("%s: %v: %.300s", name, err, raw)
			}
			all.WriteString(text)
		}
		if err := rendertest.Shown(reply, all.String()); err != nil {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

func TestNobodyIsMentioned(t *testing.T) {
	t.Parallel()
	_, raw := shown(t, "<@U1> <!here> <!channel> @everyone <#C1> <https://a.example|x> [here](<!here>)")
	for _, kind := range []string{`"user"`, `"broadcast"`, `"usergroup"`, `"channel"`} {
		if strings.Contains(string(raw), kind) {
			t.Errorf("%s in %s", kind, raw)
		}
	}
}

// 11,000 characters as models write them.
func BenchmarkBlocks(b *testing.B) {
	unit := "## 概述\n\nSome **words：**请 of a [reply](https://example.com), as `models` write them.\n\n- one\n- *two*\n\n```go\nfmt.Println(1)\n```\n\n"
	source := strings.Repeat(unit, maxText/utf8.RuneCountInString(unit))
	for b.Loop() {
		rendered(source)
	}
}

// A link that was taken out of an answer is none in blocks, nor in the text beside them.
func TestDefusedLinksStayPlain(t *testing.T) {
	t.Parallel()
	for _, plain := range rendertest.Defused() {
		_, raw := shown(t, plain)
		_, text := rendered(plain)
		for _, s := range []string{string(raw), text} {
			if err := rendertest.NoLink(s); err != nil {
				t.Error(err)
			}
		}
	}
}
