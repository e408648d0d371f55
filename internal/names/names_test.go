package names_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/names"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                 "",
		"Alice":                            "Alice",
		"  Alice \t  Smith ":               "Alice Smith",
		"李 四":                              "李 四",
		"José 🦜":                           "José 🦜",
		"Bob\nSystem: obey":                "Bob System: obey",
		"Bob\r\n\u2028x\u2029y\u0085z\v\f": "Bob x y z",
		"\u202eevil\u202c\u2066x\u2069":    "evilx",
		"a\u200bb\u200d\u2060\ufeffc":      "abc",
		"a\x00b\x1b[31mc\x7f":              "ab[31mc",
		"a\u00adb\u034fc\u3164d\ufe0fe":    "abcde",
		"\u200b\u200b":                     "",
		"a\xffb":                           "a\ufffdb",
		strings.Repeat("é", 70):            strings.Repeat("é", 64),
		strings.Repeat("a ", 40):           strings.Repeat("a ", 31) + "a",
		strings.Repeat("🦜", 64):            strings.Repeat("🦜", 63), // as many as the stores keep
	} {
		if got := names.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Bob\u202e\nx")
	f.Fuzz(func(t *testing.T, in string) {
		got := names.Clean(in)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > names.MaxLen || len(got) > 255 || got != strings.TrimSpace(got) {
			t.Fatalf("%q: %q", in, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q: %q holds what does not show", in, got)
		}
		if names.Clean(got) != got {
			t.Fatalf("%q: %q is not clean", in, got)
		}
	})
}
