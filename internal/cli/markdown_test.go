package cli

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/platforms/render"
	"github.com/parley-bot/parley/platforms/render/rendertest"
)

func TestTerminalGolden(t *testing.T) {
	t.Parallel()
	names := strings.NewReplacer("\x1b[0m", "⟧", "\x1b[1m", "⟦b", "\x1b[2m", "⟦dim", "\x1b[3m", "⟦i", "\x1b[4m", "⟦u", "\x1b[9m", "⟦s", "\x1b[36m", "⟦code")
	rendertest.Golden(t, "testdata/terminal.txtar", *update, func(source string) string {
		return names.Replace(styledText(source))
	})
}

// However a reply is cut into pieces, the terminal shows all of it in order, and
// nothing in it steers the terminal.
func TestStyledReply(t *testing.T) {
	t.Parallel()
	sequences := regexp.MustCompile("\x1b\\[[0-9]+m")
	pieces := []string{"word ", "**重要：**", "\n", "\n\n", "- ", "1. ", "> ", "# ", "```\n", "| a | b |\n|---|---|\n", "\x1b[31m", "\x1b]0;x\a", "`", "https://a.b/c ", "[x](https://e.com)"}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 40).Draw(t, "pieces")
		var out strings.Builder
		w := &styledReply{to: &out}
		for _, piece := range parts {
			if _, err := w.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		shown := sequences.ReplaceAllString(out.String(), "")
		if strings.ContainsAny(shown, "\x1b\a") {
			t.Fatalf("steered by %q", shown)
		}
		var source string
		for _, p := range parts {
			source += p
		}
		clean := strings.NewReplacer("\x1b", "", "\a", "").Replace(source)
		if len(render.Parse(clean)) == 1 { // cut into blocks it may be read otherwise
			if err := rendertest.Shown(clean, shown); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A reply is styled on a terminal that can show it, and nowhere else.
func TestPlainWhereNothingIsStyled(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &program{Streams: Streams{Out: &out}}
	w := p.replies()
	_, _ = w.Write([]byte("**bold**"))
	if err := w.Close(); err != nil || out.String() != "**bold**" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// A link that was taken out of an answer is none in a terminal.
func TestDefusedLinksStayPlain(t *testing.T) {
	t.Parallel()
	for _, plain := range rendertest.Defused() {
		if err := rendertest.NoLink(styledText(plain)); err != nil {
			t.Error(err)
		}
	}
}
