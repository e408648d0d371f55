package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-bot/parley/internal/config"
)

// Case 51 of what was reported of other gateways: a secret that brings blanks
// or a line end along is the secret without them, from wherever it comes.
func TestCase51SecretsWithLineEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("\ufeff xoxb-1\r\n\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file.yaml")
	if err := os.WriteFile(file, []byte("platforms: {slack: {bot_token: \" xoxb-1\\n\"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	block := filepath.Join(dir, "block.yaml")
	if err := os.WriteFile(block, []byte("platforms:\n  slack:\n    bot_token: |\n      xoxb-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]config.LoadOptions{
		"variable":       {Environ: []string{"SLACK_BOT_TOKEN= xoxb-1\r\n"}},
		"PARLEY_ form":   {Environ: []string{"PARLEY_PLATFORMS__SLACK__BOT_TOKEN=xoxb-1\n"}},
		"NAME_FILE":      {Environ: []string{"SLACK_BOT_TOKEN_FILE=" + secret}},
		"file":           {Path: file},
		"block of file":  {Path: block},
		"expanded":       {Path: file, Environ: []string{"X=xoxb-1\n"}},
		"by a flag":      {Args: map[string]string{"platforms.slack.bot_token": "\txoxb-1\n"}},
		"PARLEY_ _FILE":  {Environ: []string{"PARLEY_PLATFORMS__SLACK__BOT_TOKEN_FILE=" + secret}},
		"no-break space": {Environ: []string{"SLACK_BOT_TOKEN=xoxb-1\u00a0"}},
	} {
		o.WorkDir = t.TempDir()
		c, err := config.Load(o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := c.Platforms.Slack.BotToken.Reveal(); got != "xoxb-1" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
