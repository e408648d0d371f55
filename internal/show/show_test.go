package show_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/lmittmann/tint"
	"pgregory.net/rapid"

	"github.com/parley-bot/parley/internal/show"
)

// hostile is one of each kind of thing that steers a terminal.
const hostile = "a\x1b[31mb\x1b]0;title\a\u009b2Jc\x7fd\re\bf\u202eg\u2066h\u200fi\x00j"

func TestText(t *testing.T) {
	t.Parallel()
	if got, want := show.Text(hostile+"\n\tk"), "a[31mb]0;title2Jcdefghij\n\tk"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range []string{"", "Grüße, 世界 🦜 👩‍👩‍👧", "one\n\ttwo"} {
		if got := show.Text(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{
		{"a\n\tb  c\x1b", 0, "a b c"},
		{"世界世界", 3, "世界…"},
		{"abc", 3, "abc"},
	} {
		if got := show.Line(test.in, test.limit); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
}

func harmless(t *rapid.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Fatalf("%q lets %U through", text, r)
		}
	}
}

// However a text is cut into pieces, what comes out is the text without what steers.
func TestWriterInPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + hostile + rapid.String().Draw(t, "more")
		var out bytes.Buffer
		w := show.NewWriter(&out)
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if wrote, err := w.Write(rest[:n]); wrote != n || err != nil {
				t.Fatalf("wrote %d of %d: %v", wrote, n, err)
			}
			rest = rest[n:]
		}
		harmless(t, out.String())
		if out.String() != show.Text(text) {
			t.Fatalf("got %q, want %q", out.String(), show.Text(text))
		}
	})
}

func TestWriterOfNoUTF8(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if _, err := show.NewWriter(&out).Write([]byte("a\x9b2Jb\xff")); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "a\ufffd2Jb\ufffd" {
		t.Errorf("got %q", got)
	}
}

func TestWriterTellsWhatFailed(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	if _, err := show.NewWriter(failing{full}).Write([]byte("a")); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// JSON keeps its values and holds nothing that steers.
func TestJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := []string{rapid.String().Draw(t, "text"), hostile}
		var out bytes.Buffer
		enc := json.NewEncoder(show.NewJSON(&out))
		enc.SetIndent("", "\t")
		if err := enc.Encode(want); err != nil {
			t.Fatal(err)
		}
		harmless(t, out.String())
		var got []string
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got[0] != want[0] || got[1] != want[1] {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	})
}

func TestLogAttr(t *testing.T) {
	t.Parallel()
	for _, noColor := range []bool{true, false} {
		var out bytes.Buffer
		log := slog.New(tint.NewTextHandler(&out, &tint.Options{ReplaceAttr: show.LogAttr, NoColor: noColor}))
		log.Info("m"+hostile+"\nforged", slog.String("s", hostile), slog.Any("e", errors.New(hostile)), slog.Any("l", []string{hostile}),
			slog.Any("b", []byte(hostile)), slog.Group("g", slog.String("k"+hostile, "v")), slog.Any("level", slog.LevelWarn))
		text := out.String()
		for _, own := range []string{"\x1b[0m", "\x1b[2m", "\x1b[22m", "\x1b[92m", "\x1b[91m", "\x1b[93m", "\x1b[2;91m"} {
			text = strings.ReplaceAll(text, own, "") // the handler's colours
		}
		if strings.Count(text, "\n") != 1 || strings.ContainsFunc(strings.TrimSuffix(text, "\n"), func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
		}) {
			t.Errorf("colour %v: %q", !noColor, text)
		}
		if strings.Count(text, "[31mb") != 5+1 {
			t.Errorf("colour %v: something is missing: %q", !noColor, text)
		}
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                   "",
		"https://host/v1":                    "https://host/v1",
		"https://host:8443/a%2Fb/":           "https://host:8443/a%2Fb/",
		"https://me:geheim@host/v1":          "https://***@host/v1",
		"https://geheim@host":                "https://***@host",
		"https://geheim:@host":               "https://***@host",
		"https://host/v1?api-key=geheim&x=1": "https://host/v1?api-key=***&x=***",
		"https://host/?geheim":               "https://host/?***",
		"https://host/#geheim":               "https://host/#***",
		"geheim:geheim@host":                 "***",
		"https://host/%zz?geheim":            "***",
	} {
		if got := show.URL(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
