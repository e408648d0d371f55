package config

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// Others' variables are no fault, and only what was probably meant for us is
// worth a word.
func TestNearlyAVariable(t *testing.T) {
	t.Parallel()
	did := func(name, key string) string { return name + " has no effect; did you mean " + key + "?" }
	for name, want := range map[string]string{
		"PARLEY_GATEWAY__WORKER":                          "PARLEY_GATEWAY__WORKERS",
		"PARLEY_GATEWAY_WORKERS":                          "PARLEY_GATEWAY__WORKERS",
		"PARLEY_LISTN":                                    "PARLEY_LISTEN",
		"PARLEY_ADMINTOKEN":                               "PARLEY_ADMIN_TOKEN",
		"PARLEY_ADMIN_TOKN_FILE":                          "PARLEY_ADMIN_TOKEN_FILE",
		"PARLEY_DB_URL":                                   "PARLEY_AI__CONVERSATION_PERSISTENCE__DB_URL",
		"PARLEY_SLACK_BOT_TOKEN":                          "PARLEY_PLATFORMS__SLACK__BOT_TOKEN",
		"PARLEY_PLATFORMS__GENERIC__SOURCES__0__SECRT":    "PARLEY_PLATFORMS__GENERIC__SOURCES__0__SECRET",
		"PARLEY_AI__CONVERSATION_PERSISTENCE__DATA_DIRS":  "PARLEY_AI__CONVERSATION_PERSISTENCE__DATA_DIR",
		"PARLEY_AI__CONVERSATION_PERSISTENCE__CLEANUPDAY": "PARLEY_AI__CONVERSATION_PERSISTENCE__CLEANUP_DAYS",
	} {
		if got := mustLoad(t, "", name+"=7").Warnings(); !slices.Equal(got, []string{did(name, want)}) {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := mustLoad(t, "", "PARLEY_WEATHER__SUN=1").Warnings(); !slices.Equal(got, []string{"PARLEY_WEATHER__SUN has no effect: there is no such key"}) {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{
		// Kubernetes, for services named parley, parley-gateway, parley-memory and parley-platforms-slack.
		"PARLEY_PORT", "PARLEY_SERVICE_HOST", "PARLEY_SERVICE_PORT", "PARLEY_SERVICE_PORT_HTTP",
		"PARLEY_PORT_8080_TCP", "PARLEY_PORT_8080_TCP_PROTO", "PARLEY_PORT_8080_TCP_PORT", "PARLEY_PORT_8080_TCP_ADDR",
		"PARLEY_GATEWAY_SERVICE_HOST", "PARLEY_GATEWAY_PORT", "PARLEY_GATEWAY_PORT_80_TCP_ADDR", "PARLEY_MEMORY_SERVICE_PORT",
		"PARLEY_PLATFORMS_SLACK_PORT", "PARLEY_PLATFORMS_SLACK_SERVICE_HOST",
		// Tests', images' and other people's own.
		"PARLEY_TEST_POSTGRES", "PARLEY_VERSION", "PARLEY_IMAGE", "PARLEY_HOME", "PARLEY_HOST", "PARLEY_MODE", "PARLEY_ENABLED",
		// Well-known names that are set are no strangers.
		"PARLEY_ADMIN_TOKEN", "PARLEY_LISTEN_FILE",
	} {
		value := "0123456789abcdefg"
		if name == "PARLEY_LISTEN_FILE" {
			value = "" // counts as not set
		}
		if got := mustLoad(t, "", name+"="+value).Warnings(); len(got) != 0 {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// A secret comes from a paste, a pipe or a mounted file, and brings along what
// nobody sees.
func TestBlanksAroundSecrets(t *testing.T) {
	t.Parallel()
	const around = " \t\r\n\u00a0"
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))
	inFile := strings.NewReplacer("SECRET", secret).Replace("platforms:\n  slack:\n    bot_token: \"\\ufeff a b \\t\\r\\n\"\n    signing_secret: |\n\n      a b\n\n" +
		"  generic:\n    sources: [{name: x, secret: \" SECRET\\n\", callback_url: \" https://h/ \\n\"}]\n" +
		"ai: {base_url: \" https://h/v1\\n\", conversation_persistence: {db_url: \" postgresql://me:x@h/d\\n\"}}\n")
	c := mustLoad(t, inFile, "SLACK_APP_TOKEN="+around+"a b"+around, "FEISHU_APP_ID="+around+"cli_1"+around,
		"PARLEY_PLATFORMS__FEISHU__APP_SECRET=\n", "PARLEY_SERVER__ADMIN_TOKEN="+around+"0123456789abcdef"+around)
	for name, got := range map[string]Secret{
		"YAML": c.Platforms.Slack.BotToken, "YAML's block": c.Platforms.Slack.SigningSecret, "environment": c.Platforms.Slack.AppToken,
	} {
		if got != "a b" {
			t.Errorf("%s: got %q", name, string(got))
		}
	}
	if s := c.Platforms.Generic.Sources[0]; s.Secret.Reveal() != secret || s.CallbackURL != "https://h/" {
		t.Errorf("source: got %q, %q", s.Secret.Reveal(), string(s.CallbackURL))
	}
	if c.Server.AdminToken != "0123456789abcdef" || c.Platforms.Feishu.AppSecret != "" || c.Platforms.Feishu.AppID != "cli_1" {
		t.Errorf("got %q, %q and %q", string(c.Server.AdminToken), string(c.Platforms.Feishu.AppSecret), c.Platforms.Feishu.AppID)
	}
	if c.AI.BaseURL != "https://h/v1" || c.AI.ConversationPersistence.DBURL != "postgresql://me:x@h/d" {
		t.Errorf("got %q and %q", string(c.AI.BaseURL), string(c.AI.ConversationPersistence.DBURL))
	}

	files := map[string]string{"/run/token": "\ufeff a b \r\n\r\n", "/run/prefix": "!bot \n"}
	c, err := Load(LoadOptions{
		Environ:  []string{"SLACK_BOT_TOKEN_FILE=/run/token", "PARLEY_COMMANDS__PREFIX_FILE=/run/prefix"},
		ReadFile: func(name string) ([]byte, error) { return []byte(files[name]), nil },
	})
	if err != nil || c.Platforms.Slack.BotToken != "a b" || c.Commands.Prefix != "!bot " {
		t.Errorf("NAME_FILE: %q, and a prefix, which is no secret: %q (%v)", string(c.Platforms.Slack.BotToken), c.Commands.Prefix, err)
	}
}
