package sentences

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// verbs returns a text's placeholders, each with the argument it takes.
func verbs(text string) []string {
	var list []string
	for i, v := range regexp.MustCompile(`%(\[\d+\])?[a-z]`).FindAllString(text, -1) {
		if !strings.Contains(v, "[") {
			v = "%[" + string(rune('1'+i)) + "]" + v[1:]
		}
		list = append(list, v)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestCataloguesSayTheSame(t *testing.T) {
	t.Parallel()
	en, zh := englishTexts(), chineseTexts()
	for _, key := range slices.Sorted(maps.Keys(en)) {
		other, ok := zh[key]
		if !ok || other == "" {
			t.Errorf("%s is missing in Chinese", key)
		}
		if got, want := verbs(other), verbs(en[key]); !slices.Equal(got, want) {
			t.Errorf("%s takes %v in Chinese and %v in English", key, got, want)
		}
		if !strings.ContainsFunc(other, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s is not Chinese: %s", key, other)
		}
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is missing in English", key)
		}
	}
}

// literals calls each with every string literal of the module's own code, tests and
// fakes apart, with the file's path and its line.
func literals(t *testing.T, each func(path string, line int, text string)) {
	t.Helper()
	root := os.DirFS("../..")
	files := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "fakes" || d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil {
					each(path, files.Position(l.Pos()).Line, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// made are the keys that code puts together from parts, by what they begin or
// end with: the line of a command in /help, what choosing a model or persona
// says, and which limit was in the way.
var made = regexp.MustCompile(`^(model|persona)\.(now|set|unset|wrong|none)$|\.help$|^refused\.`)

// Every key that the code names is there, and every text is used.
func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	en, seen := englishTexts(), map[string]bool{}
	rooms := map[string]bool{}
	for key := range en {
		room, _, _ := strings.Cut(key, ".")
		rooms[room] = true
	}
	key := regexp.MustCompile(`^[a-z-]+(\.[a-z]+)+$`)
	literals(t, func(path string, line int, text string) {
		if strings.HasPrefix(path, "internal/sentences/") {
			return
		}
		seen[text] = true
		room, _, dotted := strings.Cut(text, ".")
		if _, there := en[text]; dotted && !there && rooms[room] && key.MatchString(text) && speaks(path) {
			t.Errorf("%s:%d says %q, which no catalogue has", path, line, text)
		}
	})
	for key := range en {
		if !seen[key] && !made.MatchString(key) {
			t.Errorf("%q is in the catalogue and never said", key)
		}
	}
}

// speaks reports whether the file is on the way to a chat. Packages for tests are not.
func speaks(path string) bool {
	if strings.HasSuffix(filepath.Dir(path), "test") {
		return false
	}
	for _, room := range []string{"commands/", "gateway/", "ai/", "platforms/slack/", "platforms/feishu/", "platforms/generic/"} {
		if strings.HasPrefix(path, room) {
			return true
		}
	}
	return false
}

// What reads like a sentence for people – it begins with a capital letter, is
// several words and ends like a sentence – stands in the catalogue only.
func TestNobodyElseHoldsSentences(t *testing.T) {
	t.Parallel()
	sentence := regexp.MustCompile(`^(I|\p{Lu}[\p{Ll}']+),? .*[.!?]$`)
	han := regexp.MustCompile(`\p{Han}{4}`)
	found := 0
	literals(t, func(path string, line int, text string) {
		switch {
		case path == "ai/openai/verdicts.go": // what endpoints write, to be known again
		case strings.HasPrefix(path, "internal/sentences/"):
			if sentence.MatchString(text) {
				found++
			}
		case speaks(path) && (sentence.MatchString(text) || han.MatchString(text)):
			t.Errorf("%s:%d holds a sentence of its own: %q", path, line, text)
		}
	})
	if found < 20 {
		t.Errorf("only %d sentences in the catalogue look like one: this test finds nothing", found)
	}
}

func TestVoice(t *testing.T) {
	t.Parallel()
	own := map[Language]Catalogue{English: {"own": "mine", "reset.done": "gone"}}
	b := NewBook()
	for _, c := range []struct {
		voice     Voice
		key, want string
	}{
		{Voice{}, "reset.done", "Conversation cleared"},
		{b.Voice(Chinese, nil), "reset.done", "对话已清空"},
		{b.Voice("", nil), "reset.done", "Conversation cleared"},
		{b.Voice(English, own), "reset.done", "gone"},
		{b.Voice(Chinese, own), "own", "mine"},
		{b.Voice(Chinese, own), "nowhere", "nowhere"},
	} {
		if got := c.voice.Say(c.key); got != c.want {
			t.Errorf("%s in %q: %q, want %q", c.key, c.voice.Language, got, c.want)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]Language{
		"": "", "en": English, "EN-us": English, "en_GB": English, "zh": Chinese, "zh-CN": Chinese, "zh_Hant_TW": Chinese,
		"中文": Chinese, "de": "", "english": English, "eng": "",
	} {
		if got := LanguageOf(tag); got != want {
			t.Errorf("%q: %q", tag, got)
		}
	}
}
