package feishu_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/render/rendertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestPostGolden(t *testing.T) {
	t.Parallel()
	rendertest.Golden(t, "testdata/post.txtar", *update, func(source string) string {
		kind, content := feishu.Rendered(source)
		return kind + "\n" + readablePost(t, content) + "\n"
	})
}

// readablePost writes a rich text one paragraph a line.
func readablePost(t *testing.T, content string) string {
	t.Helper()
	var body struct {
		Text string
		Post struct {
			Content [][]struct {
				Tag, Text, Href, Language string
				Style                     []string
			}
		} `json:"zh_cn"`
	}
	if err := json.Unmarshal([]byte(content), &body); err != nil {
		t.Fatal(err)
	}
	if body.Text != "" {
		return body.Text
	}
	var lines []string
	for _, paragraph := range body.Post.Content {
		var line []string
		for _, e := range paragraph {
			line = append(line, strings.TrimSpace(fmt.Sprintf("%s%v %s%s %s", e.Tag, e.Style, e.Language, e.Text, e.Href)))
		}
		lines = append(lines, strings.Join(line, " + "))
	}
	return strings.Join(lines, "\n")
}

// pieces are what replies are made of, and what is hard to read or to write.
func pieces() []string {
	return []string{
		"word ", "重要", "：", "**", "*", "_", "`", "~", "~~", "\n", "\n\n", "- ", "1. ", "> ", "# ", "| a | b |\n|---|---|\n| c | d |\n",
		"```go\n", "```\n", "<at id=all></at>", "<b>", "</b>", "[x](https://example.com/)", "[", "](", ")", "\\", "&lt;", "https://a.b/c ", "🙂", "    ",
		"[](https://b.example)", "[y](javascript:z)", "---\n", "|", "（", "）", "\t", "\x00", "&amp;", "::", "$", "***", "__", "+ ", "7) ",
	}
}

// For any reply: what is shown holds all its text in order, fits, and mentions nobody,
// as a rich text or as a card.
func TestPostHoldsEverything(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		reply := "x" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces()), 0, 60).Draw(rt, "pieces"), "")
		for _, p := range a.Split(reply) {
			n++
			sent := part(fmt.Sprint("key-", n), p)
			if rapid.Bool().Draw(rt, "buttons") {
				sent.Verbs = []platforms.Verb{platforms.VerbRegenerate}
			}
			if _, err := a.Send(t.Context(), inChat, sent); err != nil {
				rt.Fatalf("%q: %v", p, err)
			}
			shown := fake.Messages()[n-1]
			if err := rendertest.Shown(p, visible(shown)); err != nil {
				rt.Fatal(err)
			}
			if strings.Contains(strings.ToLower(shown.Content), "<at") {
				rt.Fatalf("%q mentions somebody: %s", p, shown.Content)
			}
		}
	})
}

// The same without a platform, for the many inputs of make properties.
func TestRenderedHoldsEverything(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces()), 0, 60).Draw(t, "pieces"), "")
		for _, p := range a.Split(source) {
			kind, content := feishu.Rendered(p)
			m := fakefeishu.Sent{Type: kind, Content: content, Text: content}
			if kind == "text" {
				var plain struct{ Text string }
				_ = json.Unmarshal([]byte(content), &plain)
				m.Text = plain.Text
			}
			if err := rendertest.Shown(p, visible(m)); err != nil {
				t.Fatal(err)
			}
			if err := rendertest.Shown(p, fakefeishu.ReadCard(strings.Join(feishu.CardTexts(p), "\n"))); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// visible returns the text of a message with the addresses of links behind them.
func visible(m fakefeishu.Sent) string {
	if m.Type != "post" {
		return m.Text
	}
	var post map[string]struct {
		Content [][]struct{ Text, Href string }
	}
	_ = json.Unmarshal([]byte(m.Content), &post)
	var b strings.Builder
	for _, paragraph := range post["zh_cn"].Content {
		for _, e := range paragraph {
			b.WriteString(e.Text + " " + e.Href + "\n")
		}
	}
	return b.String()
}

// 60,000 characters arrive whole.
func TestLongReplyArrivesWhole(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	var words strings.Builder
	for i := 0; words.Len() < 60_000; i++ {
		fmt.Fprintf(&words, "word%d ", i)
	}
	reply := words.String()[:60_000]
	for i, p := range a.Split(reply) {
		if _, err := a.Send(t.Context(), toReply, part(fmt.Sprint("key-", i), p)); err != nil {
			t.Fatal(err)
		}
	}
	var all strings.Builder
	for _, m := range fake.Messages() {
		all.WriteString(m.Text)
	}
	if all.String() != reply {
		t.Errorf("%d characters in %d messages", all.Len(), len(fake.Messages()))
	}
}

// Chinese emphasis is bold, and its characters are as the model wrote them.
func TestChineseEmphasis(t *testing.T) {
	t.Parallel()
	kind, content := feishu.Rendered("**重要：**请注意")
	if want := `{"tag":"text","text":"重要：","style":["bold"]},{"tag":"text","text":"请注意"}`; kind != "post" || !strings.Contains(content, want) {
		t.Errorf("%s %s", kind, content)
	}
}

func BenchmarkRender(b *testing.B) {
	unit := "## 概述\n\nSome **words：**请 of a [reply](https://example.com), as `models` write them.\n\n- one\n- *two*\n\n```go\nfmt.Println(1)\n```\n\n"
	source := strings.Repeat(unit, 11000/len([]rune(unit)))
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		feishu.Rendered(source)
	}
}

// A link that was taken out of an answer is none in a post, a text or a card.
func TestDefusedLinksStayPlain(t *testing.T) {
	t.Parallel()
	for _, plain := range rendertest.Defused() {
		_, post := feishu.Rendered(plain)
		for _, s := range []string{post, feishu.TextContent(plain), strings.Join(feishu.CardTexts(plain), "\n")} {
			if err := rendertest.NoLink(s); err != nil {
				t.Error(err)
			}
		}
	}
}
