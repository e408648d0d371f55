package config

import (
	"slices"
	"strings"
	"testing"
)

// What the version before took otherwise is said by its key, and nothing is
// said to whom it does not concern.
func TestChangedMeaning(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text    string
		environ []string
		want    []string
	}{
		{"", nil, nil},
		{"gateway: {workers: 3}", nil, []string{"platforms.generic.sources[0] (generic)", "/metrics"}},
		{"platforms: {generic: {enabled: false}}", nil, []string{"/metrics"}},
		{"platforms: {generic: {enabled: false}}\nserver: {operations_listen: '127.0.0.1:0'}", nil, nil},
		{"ai: {timeout: 5m}", []string{"GENERIC_WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, []string{"ai.timeout", "/metrics"}},
		{"", []string{"PARLEY_AI__BUDGET__TOKENS_PER_USER=1", "PARLEY_PLATFORMS__GENERIC__ENABLED=false"}, []string{"ai.budget.tokens_per_user", "/metrics"}},
	} {
		var got []string
		for _, note := range mustLoad(t, test.text, test.environ...).Changed() {
			about, _, _ := strings.Cut(note, " ")
			if strings.HasPrefix(about, sourcesKey) {
				about = strings.Join(strings.Fields(note)[:2], " ")
			}
			if got = append(got, about); !strings.HasSuffix(note, "see docs/upgrade.md") {
				t.Errorf("%q does not say where to read on", note)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q %q: got %q, want %q", test.text, test.environ, got, test.want)
		}
	}
}
