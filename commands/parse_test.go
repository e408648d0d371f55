package commands_test

import (
	"cmp"
	"strings"
	"testing"
	"unicode"

	"github.com/parley-bot/parley/commands"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ prefix, text, name, rest string }{
		{"/", "/save city  Paris ", "save", "city  Paris"},
		{"/", "/Help", "Help", ""},
		{"/", "/save\ncity Paris", "save", "city Paris"},
		{"/", "/save\u3000城市 巴黎", "save", "城市 巴黎"},
		{"/", "/", "", ""},
		{"/", "/ save", "", ""},
		{"/", " /save", "", ""},
		{"/", "save", "", ""},
		{"/", "", "", ""},
		{"", "/save", "save", ""},
		{"!bot ", "!bot save a", "save", "a"},
		{"!bot ", "!bot  save a", "", ""},
		{"!bot ", "!bot", "", ""},
		{"!bot ", "!botsave", "", ""},
		{"。", "。帮助 我", "帮助", "我"},
	} {
		name, rest := commands.Parse(tt.prefix, tt.text)
		if name != tt.name || rest != tt.rest {
			t.Errorf("prefix %q, text %q: got %q and %q", tt.prefix, tt.text, name, rest)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/", "/save city  Paris ")
	f.Add("!bot ", "!bot save a")
	f.Add("", "/")
	f.Add("/", "/\x00\xff \u3000x")
	f.Fuzz(func(t *testing.T, prefix, text string) {
		name, rest := commands.Parse(prefix, text)
		if name == "" {
			if rest != "" {
				t.Fatalf("no name, but %q", rest)
			}
			return
		}
		if strings.ContainsFunc(name, unicode.IsSpace) || rest != strings.TrimSpace(rest) {
			t.Fatalf("got %q and %q", name, rest)
		}
		between, ok := strings.CutPrefix(text, cmp.Or(prefix, "/")+name)
		if !ok || strings.TrimSpace(between) != rest {
			t.Fatalf("%q is not made of %q, %q and %q", text, cmp.Or(prefix, "/"), name, rest)
		}
		if rest != "" && strings.HasPrefix(between, rest) {
			t.Fatalf("nothing between %q and %q", name, rest)
		}
	})
}

func TestCutArgument(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, argument, rest string }{
		{`a  b  c `, "a", "b  c"},
		{`"two words" rest  of it`, "two words", "rest  of it"},
		{`“zwei Worte” rest`, "zwei Worte", "rest"},
		{`  "a"`, "a", ""},
		{`"" b`, "", "b"},
		{`"a"b c`, `"a"b`, "c"},
		{`"a"b c" d`, `a"b c`, "d"},
		{`"never closed`, `"never`, "closed"},
		{`it"s "fine"`, `it"s`, `"fine"`},
		{"\u3000a\u3000b", "a", "b"},
	} {
		argument, rest, ok := commands.CutArgument(tt.text)
		if !ok || argument != tt.argument || rest != tt.rest {
			t.Errorf("%q: got %q and %q, %v", tt.text, argument, rest, ok)
		}
	}
	if _, _, ok := commands.CutArgument(" \n"); ok {
		t.Error("nothing is no argument")
	}
}

// Cutting arguments off loses nothing but quotes and the space between them,
// adds nothing, and comes to an end.
func FuzzCutArgument(f *testing.F) {
	for _, s := range []string{`a "b c" d`, `“a b” "`, `""`, "\"a\xff b\" \u3000”", `"a"b" c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for left := text; ; {
			argument, rest, ok := commands.CutArgument(left)
			if !ok {
				if strings.TrimSpace(left) != "" || argument != "" || rest != "" {
					t.Fatalf("%q has no argument, but %q and %q", left, argument, rest)
				}
				return
			}
			if len(rest) >= len(left) || rest != strings.TrimSpace(rest) || !strings.HasSuffix(strings.TrimSpace(left), rest) {
				t.Fatalf("%q leaves %q", left, rest)
			}
			taken := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(left), rest))
			if taken != argument && taken != `"`+argument+`"` && taken != "“"+argument+"”" {
				t.Fatalf("%q is cut into %q and %q", left, argument, rest)
			}
			if taken == argument && strings.ContainsFunc(argument, unicode.IsSpace) {
				t.Fatalf("%q holds a space without quotes", argument)
			}
			left = rest
		}
	})
}
