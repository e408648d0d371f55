package feishu_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-bot/parley/platforms/feishu"
)

func TestModelCannotMention(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<at user_id="all">x</at>`:   "<\u200bat user_id=\"all\">x</at>",
		`a <AT user_id="ou_1"></at>`: "a <\u200bAT user_id=\"ou_1\"></at>",
		"<at\tuser_id=\"all\">":      "<\u200bat\tuser_id=\"all\">",
		`a < b <b>c</b> <`:           "a < b <b>c<\u200b/b> <",
		"<<at>>":                     "<<\u200bat>>",
		"漢<字":                        "漢<字",
		"":                           "",
	} {
		var content struct{ Text string }
		if err := json.Unmarshal([]byte(feishu.TextContent(in)), &content); err != nil || content.Text != want {
			t.Errorf("%q: got %q, want %q (%v)", in, content.Text, want, err)
		}
	}
}

// Case 14: limits are bytes, three of them for a Chinese character, more for what JSON escapes.
func TestPartsFitInBytes(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for name, text := range map[string]string{
		"chinese":  strings.Repeat("你好，世界。", 10_000),
		"brackets": strings.Repeat("<", 40_000),
		"mentions": strings.Repeat("<at ", 20_000),
		"quotes":   strings.Repeat(`"\`+"\n", 20_000),
		"control":  strings.Repeat("\x01", 20_000),
	} {
		parts := a.Split(text)
		if len(parts) < 2 || strings.Join(parts, "") != text {
			t.Errorf("%s: %d parts lose something", name, len(parts))
		}
		for _, p := range parts {
			checkContent(t, p)
		}
	}
	if parts := a.Split(strings.Repeat("a", 28_000)); len(parts) != 1 {
		t.Errorf("%d parts for what fits one", len(parts))
	}
}
