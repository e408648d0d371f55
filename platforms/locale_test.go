package platforms_test

import (
	"strings"
	"testing"

	"github.com/parley-bot/parley/platforms"
)

func TestParseLocale(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"de": "de", "de-DE": "de-DE", "zh_CN": "zh-CN", "zh_Hant_TW": "zh-Hant-TW", "zh-Hans-CN": "zh-Hans-CN",
		"EN-us": "EN-us", "es-419": "es-419", "fil": "fil", "de-DE-u-co-phonebk": "de-DE-u-co-phonebk",
		"de-" + strings.Repeat("abcdefg-", 3) + "abcdefgh": "de-" + strings.Repeat("abcdefg-", 3) + "abcdefgh", // 35 bytes
	} {
		if got, ok := platforms.ParseLocale(raw); got != want || !ok {
			t.Errorf("%q: %q, %v, want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{
		"", " ", "C", "-", "de-", "-de", "de--DE", "de DE", "de_DE.UTF-8", "en-US@posix", "12", "1de", "de\n", "de\x00", "dé", "中文", "*",
		"abcdefghi", "de-abcdefghi", "de-" + strings.Repeat("abcdefg-", 4) + "a", // 36 bytes
	} {
		if got, ok := platforms.ParseLocale(raw); got != "" || ok {
			t.Errorf("%q: %q, %v, want none", raw, got, ok)
		}
	}
}
