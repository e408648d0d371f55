package admin

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"

	"github.com/parley-bot/parley/platforms/render/rendertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestViewGolden(t *testing.T) {
	t.Parallel()
	rendertest.Golden(t, "testdata/view.txtar", *update, func(source string) string {
		var lines []string
		for _, n := range view(source) {
			var b strings.Builder
			encoder := json.NewEncoder(&b)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(n); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, b.String())
		}
		return strings.Join(lines, "")
	})
}

// A growing reply is read often while it is short, and seldom when it is long.
func TestGrowingIsReadNowAndThen(t *testing.T) {
	t.Parallel()
	var g growing
	reads, last := 0, ""
	for range 20_000 {
		if text, due := g.add("word\n"); due {
			reads, last = reads+1, text
		}
	}
	if reads < 20 || reads > 120 || len(last) < 80_000 {
		t.Errorf("read %d times, last with %d bytes", reads, len(last))
	}
}

// A link that was taken out of an answer is none in the chat page.
func TestDefusedLinksStayPlain(t *testing.T) {
	t.Parallel()
	for _, plain := range rendertest.Defused() {
		nodes, err := json.Marshal(view(plain))
		if err != nil {
			t.Fatal(err)
		}
		if err := rendertest.NoLink(string(nodes)); err != nil {
			t.Error(err)
		}
	}
}
