package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
)

// What setup has kept fills what neither file nor environment says, and nothing else.
func TestKeptValuesFillWhatIsEmpty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(config.SecretsDir(data), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-kept\n", "SLACK_APP_TOKEN": "xapp-kept\n", "PARLEY_PLATFORMS__SLACK__MODE": "socket\n",
		"OPENAI_BASE_URL": "http://127.0.0.1:1/v1\n", "PARLEY_AI_MODEL": "openai:kept\n", "UNKNOWN": "x",
	} {
		if err := os.WriteFile(filepath.Join(config.SecretsDir(data), name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(file string, environ ...string) *config.Config {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.LoadOptions{WorkDir: dir, Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load("")
	s := c.Platforms.Slack
	if s.BotToken.Reveal() != "xoxb-kept" || s.AppToken.Reveal() != "xapp-kept" || s.Mode != "socket" || c.AI.Model != "openai:kept" || string(c.AI.BaseURL) != "http://127.0.0.1:1/v1" {
		t.Errorf("%+v, %s", s, c.AI.Model)
	}
	c = load("platforms: {slack: {bot_token: xoxb-file, app_token: ''}}\nai: {model: 'openai:file'}", "OPENAI_BASE_URL=http://127.0.0.1:2/v1", "PARLEY_PLATFORMS__SLACK__MODE=http")
	s = c.Platforms.Slack
	if s.BotToken.Reveal() != "xoxb-file" || s.AppToken.Reveal() != "xapp-kept" || s.Mode != "http" || c.AI.Model != "openai:file" || string(c.AI.BaseURL) != "http://127.0.0.1:2/v1" {
		t.Errorf("%+v, %s", s, c.AI.Model)
	}
	if err := os.WriteFile(filepath.Join(config.SecretsDir(data), "PARLEY_AI_MODEL"), []byte("nobody:x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "config.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(config.LoadOptions{WorkDir: dir})
	if err == nil || !strings.Contains(err.Error(), filepath.Join("data", "secrets", "PARLEY_AI_MODEL")) {
		t.Errorf("a wrong value kept: %v", err)
	}
}
