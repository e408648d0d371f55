package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/config"
)

// The token is made once, for its owner's eyes, and what the configuration says wins.
func TestAdminToken(t *testing.T) {
	t.Parallel()
	cfg := configured(t, "")
	if err := CheckToken(cfg); err != nil {
		t.Errorf("there is none yet: %v", err)
	}
	made, path, err := AdminToken(cfg)
	if err != nil || config.CheckToken(config.Secret(made)) != nil || path != filepath.Join(cfg.AI.ConversationPersistence.DataDir, "admin-token") {
		t.Fatalf("%q in %s, %v", made, path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, _, err := AdminToken(cfg); again != made || err != nil {
		t.Errorf("asked again: %q, %v", again, err)
	}
	if err := CheckToken(cfg); err != nil {
		t.Error(err)
	}
	cfg.Server.AdminToken = "of-the-configuration"
	if said, path, err := AdminToken(cfg); said != "of-the-configuration" || path != "" || err != nil {
		t.Errorf("configured: %q in %q, %v", said, path, err)
	}
}

// A file that somebody has edited holds a token that opens the door, or is a
// fault that names it; an empty one is filled.
func TestEditedAdminToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		" \n":                          "new",
		"  sixteen-or-more-letters \n": "sixteen-or-more-letters",
		"short\n":                      "fault",
		"two words but long enough\n":  "fault",
	} {
		cfg := configured(t, "")
		path := tokenFile(cfg)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		token, _, err := AdminToken(cfg)
		got := token
		if faults, ok := errors.AsType[config.FaultErrors](err); ok && len(faults) == 1 && faults[0].Key == "server.admin_token" && faults[0].Place.Source == path {
			got = "fault"
		} else if err == nil && !strings.Contains(text, token) {
			got = "new"
		}
		if got != want || want == "fault" != (CheckToken(cfg) != nil) {
			t.Errorf("%q: %q, %v, want %s", text, token, err, want)
		}
		if want == "fault" && strings.Contains(err.Error(), strings.TrimSpace(text)) {
			t.Errorf("the fault quotes the token: %v", err)
		}
	}
}

// A sign-in link leads a browser on this machine to where the server listens,
// or whoever gets it to the public address.
func TestSignInLink(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ public, listens, want string }{
		{"", "127.0.0.1:8080", "http://localhost:8080/"},
		{"", "[::1]:8080", "http://localhost:8080/"},
		{"", "[::]:80", "http://localhost:80/"},
		{"", "0.0.0.0:80", "http://localhost:80/"},
		{"", ":80", "http://localhost:80/"},
		{"", "127.0.0.2:80", "http://127.0.0.2:80/"},
		{"", "10.0.0.5:80", "http://10.0.0.5:80/"},
		{"", "[fd00::5]:80", "http://[fd00::5]:80/"},
		{"", "bot.internal:80", "http://bot.internal:80/"},
		{"https://bot.example", "127.0.0.1:8080", "https://bot.example/"},
		{"https://bot.example", "127.0.0.1:0", "https://bot.example/"},
		{"", "127.0.0.1:0", ""},
		{"", "nonsense", ""},
	} {
		cfg := configured(t, "")
		cfg.Server.PublicURL = config.URL(tt.public)
		link, err := SignInLink(cfg, "token-of-the-test", tt.listens)
		if tt.want == "" != (err != nil) || !strings.HasPrefix(link, tt.want) || strings.Contains(link, "token-of-the-test") {
			t.Errorf("%q %s: %q, %v, want %s", tt.public, tt.listens, link, err, tt.want)
		}
	}
}

// Of many that start at once on one directory, all have the one token.
func TestAdminTokenOfManyAtOnce(t *testing.T) {
	t.Parallel()
	for range 300 {
		cfg := &config.Config{}
		cfg.AI.ConversationPersistence.DataDir = t.TempDir()
		tokens := make([]string, 32)
		var all sync.WaitGroup
		for i := range tokens {
			all.Go(func() {
				token, _, err := AdminToken(cfg)
				if err != nil {
					t.Error(err)
				}
				tokens[i] = token
			})
		}
		all.Wait()
		kept, err := keptToken(tokenFile(cfg))
		if err != nil || kept == "" {
			t.Fatalf("kept %q, %v", kept, err)
		}
		for _, token := range tokens {
			if token != kept {
				t.Fatalf("one has %q, the file %q", token, kept)
			}
		}
	}
}
