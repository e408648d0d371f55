package config

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
)

// The lengths of a Standard Webhooks secret, in bytes
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
const (
	secretMin = 24
	secretMax = 64
)

// tokenMin is the length of the shortest token.
const tokenMin = 16

const tokenFix = "make one with: openssl rand -hex 16"

const secretFix = `make one with: echo "whsec_$(openssl rand -base64 32)"`

// checkStart refuses a start that takes what nobody vouches for, or that
// cannot do what it was told to.
func (l *loader) checkStart() {
	l.startSlack()
	l.startFeishu()
}

func (l *loader) startSlack() {
	s := &l.config.Platforms.Slack
	if s.Enabled != On {
		return
	}
	const why = "platforms.slack.enabled is true; set it (or %s), or enabled: auto"
	if s.SigningSecret == "" {
		l.wrong("platforms.slack.signing_secret", "is missing while "+why, "SLACK_SIGNING_SECRET")
	}
	if s.BotToken == "" {
		l.wrong("platforms.slack.bot_token", "is missing while "+why, "SLACK_BOT_TOKEN")
	}
}

func (l *loader) startFeishu() {
	f := &l.config.Platforms.Feishu
	if f.Enabled == Off {
		return
	}
	const why = "platforms.feishu.enabled is true; set it (or %s), or enabled: auto"
	if f.Enabled == On && f.AppID == "" {
		l.wrong("platforms.feishu.app_id", "is missing while "+why, "FEISHU_APP_ID")
	}
	if f.Enabled == On && f.AppSecret == "" {
		l.wrong("platforms.feishu.app_secret", "is missing while "+why, "FEISHU_APP_SECRET")
	}
	if (f.Enabled == On || f.AppID != "" && f.AppSecret != "") && f.Mode == "http" && f.EncryptKey == "" {
		l.wrong("platforms.feishu.encrypt_key", "is missing: over http nothing else shows that an event comes from Feishu; "+
			"set it (or FEISHU_ENCRYPT_KEY) to the Encrypt Key of the app's Events & Callbacks page")
	}
}

// checkSources holds each source to what its name and secret must be.
func (l *loader) checkSources() {
	names := map[string]bool{}
	g := &l.config.Platforms.Generic
	if g.Enabled == On && len(g.Sources) == 0 {
		l.wrong(sourcesKey, "is empty while platforms.generic.enabled is true; name a source, or enabled: auto")
	}
	for i, s := range g.Sources {
		key := fmt.Sprintf("%s[%d]", sourcesKey, i)
		l.check(key+".name", checkSourceName(s.Name))
		if names[s.Name] {
			l.wrong(key+".name", "%s is there twice; every source needs a name of its own", quote(s.Name))
		}
		names[s.Name] = true
		l.check(key+".secret", checkWebhookSecret(s.Secret))
		l.check(key+".callback_url", checkURL(s.CallbackURL, true))
		l.check(key+".token", l.checkSourceToken(i))
	}
	l.checkShared("secret", func(s *Source) string { return webhookKey(s.Secret) })
	l.checkShared("token", func(s *Source) string { return s.Token.Reveal() })
}

// checkShared refuses a proof that two sources share: whoever holds one's could
// write as the other.
func (l *loader) checkShared(field string, proof func(*Source) string) {
	owners := map[string]string{}
	sources := l.config.Platforms.Generic.Sources
	for i := range sources {
		value := proof(&sources[i])
		if value == "" {
			continue
		}
		if owner, taken := owners[value]; taken {
			l.wrong(fmt.Sprintf("%s[%d].%s", sourcesKey, i, field), "%s has the same %s as %s; give each source one of its own",
				quote(sources[i].Name), field, quote(owner))
			continue
		}
		owners[value] = sources[i].Name
	}
}

// webhookKey returns the bytes that a secret stands for, "" for a faulty one:
// the same key can be written in more than one way.
func webhookKey(s Secret) string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(s), "whsec_"))
	if err != nil {
		return ""
	}
	return string(raw)
}

// checkSourceToken holds the token of a source to opening nothing else.
func (l *loader) checkSourceToken(i int) error {
	sources := l.config.Platforms.Generic.Sources
	token := sources[i].Token
	if token == "" {
		return nil
	}
	if err := CheckToken(token); err != nil {
		return err
	}
	if token == l.config.Server.AdminToken {
		return fmt.Errorf("is the admin token as well; give the source one of its own: %s", tokenFix)
	}
	return nil
}

// CheckToken reports what is wrong with a bearer token, without quoting it.
func CheckToken(t Secret) error {
	if strings.ContainsFunc(string(t), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("must be printable ASCII without spaces, since it travels in a header")
	}
	if len(t) < tokenMin {
		return fmt.Errorf("must be at least %d characters; %s", tokenMin, tokenFix)
	}
	return nil
}

func checkSourceName(name string) error {
	switch name {
	case "":
		return fmt.Errorf("is missing; it is the platform part of the user key")
	case "slack", "feishu", "web", "terminal":
		return fmt.Errorf("%s is the name of another platform; choose a name of its own", quote(name))
	}
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._-]{1,50}$`, name); !ok {
		return fmt.Errorf("must be 1 to 50 of letters, digits, dot, _ and -, got %s", quote(name))
	}
	return nil
}

// checkWebhookSecret never quotes the secret.
func checkWebhookSecret(s Secret) error {
	if s == "" {
		return nil
	}
	encoded, ok := strings.CutPrefix(string(s), "whsec_")
	if !ok {
		return fmt.Errorf("must start with whsec_ (Standard Webhooks); %s", secretFix)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("must be base64 after whsec_; %s", secretFix)
	}
	if len(raw) < secretMin || len(raw) > secretMax {
		return fmt.Errorf("must be base64 of %d to %d bytes after whsec_, got %d; %s", secretMin, secretMax, len(raw), secretFix)
	}
	return nil
}
