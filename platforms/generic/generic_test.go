package generic_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/parley-bot/parley/platforms/generic"
)

func secretOf(size int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", size)))
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		o    generic.Options
		says string // "" = good
	}{
		{"no secret", generic.Options{Name: "n"}, ""},
		{"shortest secret", generic.Options{Name: "n", Secret: secretOf(24)}, ""},
		{"longest secret", generic.Options{Name: "n", Secret: secretOf(64)}, ""},
		{"several secrets", generic.Options{Name: "n", Secret: secret + "," + otherSecret + " " + exampleSecret}, ""},
		{"private callback", generic.Options{Name: "n", CallbackURL: "http://127.0.0.1:9/x"}, ""},
		{"longest name", generic.Options{Name: strings.Repeat("n", 50)}, ""},

		{"no name", generic.Options{}, "name"},
		{"long name", generic.Options{Name: strings.Repeat("n", 51)}, "name"},
		{"short secret", generic.Options{Name: "n", Secret: secretOf(23)}, "24 to 64 bytes"},
		{"long secret", generic.Options{Name: "n", Secret: secretOf(65)}, "24 to 64 bytes"},
		{"prefix alone", generic.Options{Name: "n", Secret: "whsec_"}, "24 to 64 bytes"},
		{"no prefix", generic.Options{Name: "n", Secret: strings.TrimPrefix(secret, "whsec_")}, "whsec_"},
		{"public key", generic.Options{Name: "n", Secret: "whpk_" + secret}, "whsec_"},
		{"not base64", generic.Options{Name: "n", Secret: "whsec_hunter2!"}, "base64"},
		{"blank", generic.Options{Name: "n", Secret: "  "}, "blank"},
		{"separator alone", generic.Options{Name: "n", Secret: ","}, "blank"},
		{"second is bad", generic.Options{Name: "n", Secret: secret + " whsec_hunter2"}, "secret 2 of 2"},
		{"callback without scheme", generic.Options{Name: "n", CallbackURL: "hunter2.example/x"}, "callback url"},
		{"callback without host", generic.Options{Name: "n", CallbackURL: "https:///hunter2"}, "callback url"},
		{"callback with a port alone", generic.Options{Name: "n", CallbackURL: "http://:80/hunter2"}, "callback url"},
		{"callback to a file", generic.Options{Name: "n", CallbackURL: "file:///hunter2"}, "callback url"},
		{"callback that is none", generic.Options{Name: "n", CallbackURL: "http://%zz:hunter2@x"}, "callback url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := generic.New(tc.o)
			if tc.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v, want something about %q", err, tc.says)
			}
			for s := range strings.FieldsFuncSeq(tc.o.Secret, func(r rune) bool { return r == ' ' || r == ',' }) {
				if len(s) > len("whsec_") && strings.Contains(err.Error(), s) {
					t.Errorf("the error shows the secret: %v", err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}
