package config

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	signingForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	appIDForm   = regexp.MustCompile(`^cli_[0-9a-z]+$`)
)

// mixedUp says which secrets stand where another one belongs, by their form,
// without quoting them. Each sentence ends in what to do.
func (c *Config) mixedUp() []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, a := range c.allSlack() {
		s, key := a.Settings, a.Key
		if kind := SlackTokenKind(s.SigningSecret); kind != "" {
			say("%s.signing_secret holds %s; use the Signing Secret from Basic Information > App Credentials", key, kind)
		}
		switch kind := SlackTokenKind(s.BotToken); {
		case signingForm.MatchString(s.BotToken.Reveal()):
			say("%s.bot_token holds what looks like a signing secret; swap the two: the Bot User OAuth Token (xoxb-…) is on OAuth & Permissions", key)
		case kind != "" && !strings.HasPrefix(s.BotToken.Reveal(), "xoxb-"):
			say("%s.bot_token holds %s; use the Bot User OAuth Token (xoxb-…) from OAuth & Permissions", key, kind)
		}
		if s.AppToken != "" && !strings.HasPrefix(s.AppToken.Reveal(), "xapp-") {
			say("%s.app_token is not an app-level token; create one (xapp-…, scope connections:write) on Basic Information > App-Level Tokens", key)
		}
	}
	for _, a := range c.allFeishu() {
		f, key := a.Settings, a.Key
		switch {
		case appIDForm.MatchString(f.AppSecret.Reveal()):
			say("%s.app_secret holds an app id; swap the two: both are on Credentials & Basic Info", key)
		case f.EncryptKey != "" && f.EncryptKey == f.VerificationToken:
			say("%s.encrypt_key and verification_token are the same; copy each from Events & Callbacks > Encryption Strategy", key)
		case f.EncryptKey != "" && f.EncryptKey == f.AppSecret:
			say("%s.encrypt_key holds the app secret; copy the Encrypt Key from Events & Callbacks > Encryption Strategy", key)
		}
	}
	return list
}

// SlackTokenKind names the kind of a Slack token, "" for none.
func SlackTokenKind(s Secret) string {
	for prefix, kind := range map[string]string{
		"xoxb-": "a bot token", "xoxp-": "a user token", "xapp-": "an app-level token", "xoxe.": "a configuration token", "xoxe-": "a refresh token",
	} {
		if strings.HasPrefix(s.Reveal(), prefix) {
			return kind
		}
	}
	return ""
}
