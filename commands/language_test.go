package commands

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is missing in English", key)
		}
	}
}

// Every key that the code names is there, and every text is used.
func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	en := englishTexts()
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.Say\("([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
			used[m[1]] = true
		}
	}
	for _, c := range New(Options{}).commands {
		used[c.Name+".help"] = true
	}
	for _, name := range []string{"model", "persona"} {
		for _, key := range []string{"now", "set", "unset", "wrong", "none"} {
			used[name+"."+key] = true
		}
	}
	for key := range used {
		if _, ok := en[key]; !ok {
			t.Errorf("the code says %q, which no catalogue has", key)
		}
	}
	for key := range en {
		if !used[key] {
			t.Errorf("%q is in the catalogue and never said", key)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]Language{
		"": "", "en": English, "EN-us": English, "en_GB": English, "zh": Chinese, "zh-CN": Chinese, "zh_Hant_TW": Chinese,
		"中文": Chinese, "de": "", "english": English, "eng": "",
	} {
		if got := languageOf(tag); got != want {
			t.Errorf("%q: %q", tag, got)
		}
	}
}
