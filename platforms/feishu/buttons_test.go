package feishu_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// withButtons is a reply that is shown once, as it comes from a model.
func withButtons(key, text string) platforms.Part {
	p := part(key, text)
	p.Verbs = []platforms.Verb{platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown}
	return p
}

// A reply that did not grow has its buttons in the one message that it is.
func TestButtonsUnderAReplyShownOnce(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	private := platforms.Address{ChatID: "oc_1", MessageID: "om_asked", ThreadID: "om_first", UserKey: "feishu:private:ou_1"}
	for range 2 { // a repeat shows nothing more
		if _, err := a.Send(t.Context(), private, withButtons("key", "# Done\n\n2*3*4 **重要：**请")); err != nil {
			t.Fatal(err)
		}
	}
	shown := fake.Messages()
	if len(shown) != 1 || shown[0].Type != "interactive" || shown[0].Card != "" || !shown[0].InThread || shown[0].UUID != "key" {
		t.Fatalf("shown %+v", shown)
	}
	if shown[0].Text != "#### Done\n\n2*3*4 **重要：**\u200a请" {
		t.Errorf("it reads %q", shown[0].Text)
	}
	for _, value := range []string{
		`{"chat_type":"p2p","parley":"regenerate","thread":"om_first"}`, `{"chat_type":"p2p","parley":"up","thread":"om_first"}`,
		`{"chat_type":"p2p","parley":"down","thread":"om_first"}`, `"summary":{"content":"Done 2*3*4 重要：请"}`, `"streaming_mode":false`,
	} {
		if !strings.Contains(shown[0].Content, value) {
			t.Errorf("%s is not in %s", value, shown[0].Content)
		}
	}
	if strings.Contains(shown[0].Content, `"parley":"stop"`) {
		t.Error("what is whole can be stopped")
	}
}

// What Feishu refuses as a card is shown without buttons, under the same uuid;
// what may be shown already is not tried in another form.
func TestButtonsThatAreRefused(t *testing.T) {
	t.Parallel()
	for code, shown := range map[int]int{230099: 1, 230025: 1, 11310: 1, 200621: 1, 300305: 1, 230002: 0, 230020: 0, 123456: 0} {
		a, fake := newSender(t)
		fake.Misbehave(fakefeishu.Reply, fakefeishu.Code(400, code, "x"))
		_, err := a.Send(t.Context(), toReply, withButtons("key", "**one**"))
		got := fake.Messages()
		if len(got) != shown || (err == nil) != (shown == 1) {
			t.Errorf("%d: %v, %+v", code, err, got)
		}
		if shown == 1 && (got[0].Type != "post" || got[0].UUID != "key") {
			t.Errorf("%d: shown %+v", code, got[0])
		}
	}
	a, fake := newSender(t)
	fake.Misbehave(fakefeishu.Reply, fakefeishu.TakeThenServerError())
	_, err := a.Send(t.Context(), toReply, withButtons("key", "one"))
	if failure.KindOf(err) != failure.Ambiguous || len(fake.Messages()) != 1 || fake.Requests(fakefeishu.Reply) != 1 {
		t.Errorf("in doubt: %v, %+v", err, fake.Messages())
	}
}

// Whatever fits a message fits a card, and no element is so long that clients cut it.
func TestCardsFit(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	for name, text := range map[string]string{
		"words":    strings.Repeat("word ", 12_000),
		"chinese":  strings.Repeat("你好，世界。", 10_000),
		"markup":   strings.Repeat("a | b ] c $ d \\ e & f > g # h * i _ j ~ k ` l ", 2000),
		"lines":    strings.Repeat("- an item\n", 5000),
		"code":     "```go\n" + strings.Repeat("fmt.Println(\"<hello>\") // &amp;\n", 2000) + "```\n",
		"emphasis": strings.Repeat("**重要：**请 *see* ", 3000),
		"table":    "| a | b |\n|---|---|\n" + strings.Repeat("| some | words |\n", 3000),
	} {
		for i, p := range a.Split(text) {
			if _, err := a.Send(t.Context(), inChat, withButtons(name+string(rune('a'+i)), p)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all := fake.Messages()
			m := all[len(all)-1]
			if m.Type != "interactive" || len(m.Content) > feishu.MaxContent {
				t.Errorf("%s: a %s of %d bytes", name, m.Type, len(m.Content))
			}
			for _, text := range elements(t, m.Content) {
				if n := len([]rune(text)); n > 8000 {
					t.Errorf("%s: an element of %d characters", name, n)
				}
			}
		}
	}
}

// elements returns the Markdown of each element of a card.
func elements(t *testing.T, card string) []string {
	t.Helper()
	var c struct {
		Body struct {
			Elements []struct{ Tag, Content string }
		}
	}
	if err := json.Unmarshal([]byte(card), &c); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range c.Body.Elements {
		if e.Tag == "markdown" {
			texts = append(texts, e.Content)
		}
	}
	return texts
}
