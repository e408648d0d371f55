package commands_test

import (
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
		r := commands.New(commands.Options{Prefix: tt.prefix})
		name, rest := r.Parse(tt.text)
		if name != tt.name || rest != tt.rest || r.Is(tt.text) != (tt.name != "") {
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
		r := commands.New(commands.Options{Prefix: prefix})
		name, rest := r.Parse(text)
		if r.Is(text) != (name != "") {
			t.Fatal("Is and Parse disagree")
		}
		if name == "" {
			if rest != "" {
				t.Fatalf("no name, but %q", rest)
			}
			return
		}
		if strings.ContainsFunc(name, unicode.IsSpace) || rest != strings.TrimSpace(rest) {
			t.Fatalf("got %q and %q", name, rest)
		}
		between, ok := strings.CutPrefix(text, r.Prefix()+name)
		if !ok || strings.TrimSpace(between) != rest {
			t.Fatalf("%q is not made of %q, %q and %q", text, r.Prefix(), name, rest)
		}
		if rest != "" && strings.HasPrefix(between, rest) {
			t.Fatalf("nothing between %q and %q", name, rest)
		}
	})
}
