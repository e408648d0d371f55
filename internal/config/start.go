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

const secretFix = `make one with: echo "whsec_$(openssl rand -base64 32)"`

// checkStart refuses a start that would be open to everybody, or that cannot
// do what it was told to.
func (l *loader) checkStart() {
	l.startSlack()
	l.startFeishu()
	l.startGeneric()
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
	wanted := f.Enabled == On || f.AppID != "" && f.AppSecret != ""
	switch {
	case !wanted || f.Mode != "http" || f.EncryptKey != "":
	case !l.config.Loopback():
		l.wrong("platforms.feishu.encrypt_key", "is missing, and server.listen is not a loopback address: without it anybody could send events; "+
			"set it (or FEISHU_ENCRYPT_KEY) to the Encrypt Key of the app's Events & Callbacks page")
	case f.Enabled == On && f.VerificationToken == "":
		l.wrong("platforms.feishu.encrypt_key", "is missing, and so is verification_token: no event could be checked; set it (or FEISHU_ENCRYPT_KEY)")
	}
}

func (l *loader) startGeneric() {
	c := l.config
	g := &c.Platforms.Generic
	if g.Enabled == Off || c.Loopback() || !l.config.sourcesSet && g.Enabled == Auto {
		return
	}
	for i, s := range g.Sources {
		if s.Secret == "" {
			l.wrong(fmt.Sprintf("%s[%d].secret", sourcesKey, i),
				"is missing, and server.listen is not a loopback address: anybody could write; set it%s, or take the source away; %s", wellKnownSecret(s, len(g.Sources)), secretFix)
		}
	}
}

func wellKnownSecret(s Source, sources int) string {
	if s.Name == defaultSource || sources == 1 {
		return " (or GENERIC_WEBHOOK_SECRET)"
	}
	return ""
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
	}
	l.checkShared("secret", func(s *Source) string { return webhookKey(s.Secret) })
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
