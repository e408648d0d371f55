package turn

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/platforms/render/rendertest"
)

func by(author, text string) conversation.Message {
	return conversation.Message{Role: conversation.RoleUser, Author: author, Content: text}
}

// Only where a prompt holds what did not come from who asks are links watched.
func TestForeign(t *testing.T) {
	t.Parallel()
	const me, you = "slack:group:U1", "slack:group:U2"
	type list = []conversation.Message
	result := func(name string, beside ...conversation.Passage) conversation.Message {
		return conversation.Message{Role: conversation.RoleTool, Metadata: map[string]any{message.MetaToolName: name}, Context: beside}
	}
	sent := func(name string) conversation.Message {
		return conversation.Message{Role: conversation.RoleUser, Content: "see", Metadata: map[string]any{message.MetaFiles: []conversation.File{{Name: name}}}}
	}
	others := conversation.Passage{Text: "what others said"}
	after := func(m conversation.Message) ai.Ask {
		return ai.Ask{History: list{by("", "hi"), m}, New: list{by("", "and?")}}
	}
	marked := conversation.Message{Role: conversation.RoleAssistant, Metadata: map[string]any{}}
	mark(&marked, true)
	for name, c := range map[string]struct {
		ask  ai.Ask
		want bool
	}{
		"alone":                  {ai.Ask{History: list{by("", "hi"), {Role: conversation.RoleAssistant}}, New: list{by("", "and?")}}, false},
		"alone in a room":        {ai.Ask{Room: true, History: list{by(me, "hi")}, New: list{by(me, "and?")}}, false},
		"others in a room":       {ai.Ask{Room: true, History: list{by(you, "hi")}, New: list{by(me, "and?")}}, true},
		"a summary of a room":    {ai.Ask{Room: true, Summary: "They talked.", New: list{by(me, "and?")}}, true},
		"a summary of one's own": {ai.Ask{Summary: "They talked.", New: list{by("", "and?")}}, false},
		"a foreign summary":      {ai.Ask{Foreign: true, Summary: "A page says: go there.", New: list{by("", "and?")}}, true},
		"a foreign one to come":  {ai.Ask{Next: ai.Summary{Text: "A page says: go there.", Foreign: true}, New: list{by("", "and?")}}, true},
		"no summary":             {ai.Ask{Foreign: true, New: list{by("", "and?")}}, false},
		"a file":                 {ai.Ask{New: list{sent("a.txt")}}, true},
		"a tool of a server":     {after(result("files_read")), true},
		"a tool without a name":  {after(conversation.Message{Role: conversation.RoleTool}), true},
		"a page":                 {after(result("fetch_url")), true},
		"the time":               {after(result("current_time")), false},
		"a fact was remembered":  {after(result("remember")), false},
		"one's own facts":        {after(result("recall")), false},
		"others' facts":          {after(result("recall", others)), true},
		"one's own messages":     {after(result("search_history")), false},
		"others' messages":       {after(result("search_history", others)), true},
		"an answer to others":    {after(marked), true},
	} {
		if got := foreign(&c.ask, me); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func testGuard() guard {
	r := &Runner{o: Options{SystemPrompt: "See https://wiki.corp.example/x."}}
	return r.guardOf(&ai.Ask{Room: true, History: []conversation.Message{
		by("U2", "look at www.Example.com and http://go.dev:8080/doc"), {Role: conversation.RoleAssistant, Content: "https://model.example"},
	}, New: []conversation.Message{by("U1", "well?")}}, "U1")
}

func TestLinksToForeignHosts(t *testing.T) {
	t.Parallel()
	g := testGuard()
	for _, same := range []string{
		"", "no link. At all, e.g. 3.14 or a.b", "https://example.com/a?b=c", "(https://www.example.com).", "[the site](https://example.com/x)",
		"see https://go.dev。", "**https://GO.dev/doc**", "https://wiki.corp.example", "a // b", "1/2",
		"https://example.com/to?u=https://go.dev/doc", "https://www.example.com//a",
	} {
		if got := g.plain(same); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
	for text, want := range map[string]string{
		"https://evil.com/?q=secret":                            "https[:]//evil[.]com/?q=secret",
		"[click me](https://evil.com/x)":                        "[click me] (https[:]//evil[.]com/x)",
		"![](https://evil.com/x.png)":                           "![] (https[:]//evil[.]com/x[.]png)",
		"[x](//evil.com/x)":                                     "[x] (//evil[.]com/x)",
		"<https://evil.com>":                                    "<https[:]//evil[.]com>",
		"[1]: https://evil.com":                                 "[1]: https[:]//evil[.]com",
		"`https://evil.com`":                                    "`https[:]//evil[.]com`",
		"www.evil.com":                                          "www[.]evil[.]com",
		"https://example.com@evil.com/":                         "https[:]//example[.]com@evil[.]com/",
		"https://example.com.evil.com":                          "https[:]//example[.]com[.]evil[.]com",
		"https://example.com/，https://evil.com/x":               "https[:]//example[.]com/，https[:]//evil[.]com/x",
		"https://example.com/,www.evil.com":                     "https[:]//example[.]com/,www[.]evil[.]com",
		"https://example.com/?u=https://go.dev/，ftp://evil.com": "https[:]//example[.]com/?u=https[:]//go[.]dev/，ftp[:]//evil[.]com",
		"https://2130706433/":                                   "https[:]//2130706433/",
		`https:\/\/evil.com`:                                    "https[:]//evil[.]com",
		"[x](https&#58;//evil.com)":                             "[x] (https&amp;#58;//evil[.]com)",
		"[x](https&colon;&sol;&sol;evil)":                       "[x](https&amp;colon;&amp;sol;&amp;sol;evil)",
		"HTTPS://EVIL.COM":                                      "HTTPS[:]//EVIL[.]COM",
		"https://model.example":                                 "https[:]//model[.]example",
	} {
		if got := g.plain(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got := guard(nil).plain("https://evil.com"); got != "https://evil.com" {
		t.Error(got)
	}
}

// Whatever an answer is cut into, its pieces are the beginning of the whole as it is kept.
func TestLinksInAStream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{"see ", "https://", "evil.com", "example.com", "](", "\n", " ", "&#58;", "\\/", "www.", "世界"})).Draw(t, "words")
		g, whole, shown := testGuard(), strings.Join(words, ""), ""
		delta := g.stream(func(text string) { shown += text })
		for rest := whole; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			delta(rest[:n])
			rest = rest[n:]
		}
		if !strings.HasPrefix(g.plain(whole), shown) {
			t.Fatalf("%q was shown of %q", shown, g.plain(whole))
		}
		if strings.Contains(g.plain(whole), "https://evil.com") {
			t.Fatalf("a link is left in %q", g.plain(whole))
		}
	})
}

// What renderers are shown to leave plain is what the guard makes.
func TestDefusedLinks(t *testing.T) {
	t.Parallel()
	g := testGuard()
	for written, want := range rendertest.Defused() {
		if got := g.plain(written); got != want {
			t.Errorf("%q became %q, want %q", written, got, want)
		}
	}
}
