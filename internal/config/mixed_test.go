package config

import (
	"strings"
	"testing"
)

// Secrets that stand where another one belongs are named with what to do, and not
// quoted: doctor says it, and serve's log.
func TestMixedUpSecrets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    string
	}{
		{[]string{"SLACK_SIGNING_SECRET=xoxb-1-2", "SLACK_BOT_TOKEN=xoxb-1-2"}, "signing_secret holds a bot token; use the Signing Secret"},
		{[]string{"SLACK_SIGNING_SECRET=xapp-1-2", "SLACK_BOT_TOKEN=xoxb-1-2"}, "signing_secret holds an app-level token; use"},
		{[]string{"SLACK_BOT_TOKEN=8f742231b10e8888abcd99000000abcd", "SLACK_SIGNING_SECRET=s"}, "bot_token holds what looks like a signing secret; swap"},
		{[]string{"SLACK_BOT_TOKEN=xoxp-1-2", "SLACK_SIGNING_SECRET=s"}, "bot_token holds a user token; use the Bot User OAuth Token"},
		{[]string{"SLACK_BOT_TOKEN=xapp-1-2", "SLACK_SIGNING_SECRET=s"}, "bot_token holds an app-level token; use"},
		{[]string{"SLACK_BOT_TOKEN=xoxb-1-2", "SLACK_APP_TOKEN=xoxb-1-2"}, "app_token is not an app-level token; create one"},
		{[]string{"FEISHU_APP_ID=abc", "FEISHU_APP_SECRET=cli_a1b2"}, "app_secret holds an app id; swap"},
		{[]string{"FEISHU_APP_ID=cli_a", "FEISHU_APP_SECRET=x", "FEISHU_ENCRYPT_KEY=y", "FEISHU_VERIFICATION_TOKEN=y"}, "encrypt_key and verification_token are the same; copy"},
		{[]string{"FEISHU_APP_ID=cli_a", "FEISHU_APP_SECRET=x", "FEISHU_ENCRYPT_KEY=x"}, "encrypt_key holds the app secret; copy"},
		{[]string{"SLACK_BOT_TOKEN=xoxb-1-2", "SLACK_APP_TOKEN=xapp-1", "FEISHU_APP_ID=cli_a", "FEISHU_APP_SECRET=x"}, ""},
	} {
		c := mustLoad(t, "", tt.environ...)
		got := strings.Join(c.mixedUp(), "\n")
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" || strings.Contains(got, "1-2") || strings.Contains(got, "8f74") {
			t.Errorf("%v: %q, want %q", tt.environ, got, tt.want)
		}
		if !strings.Contains(strings.Join(c.Warnings(), "\n"), got) {
			t.Errorf("%v: not among the warnings", tt.environ)
		}
	}
}
