package config

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

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

// checkSources holds the sources to being told apart, by name and by proof.
func (l *loader) checkSources() {
	names := map[string]bool{}
	g := &l.config.Platforms.Generic
	if g.Enabled == On && len(g.Sources) == 0 {
		l.wrong(sourcesKey, "is empty while platforms.generic.enabled is true; name a source, or enabled: auto")
	}
	for i, s := range g.Sources {
		key := fmt.Sprintf("%s[%d]", sourcesKey, i)
		if s.Name == "" {
			l.wrong(key+".name", "is missing; it is the platform part of the user key")
		}
		if slices.Contains([]string{"slack", "feishu", "web", "terminal"}, s.Name) {
			l.wrong(key+".name", "%s is the name of another platform; choose a name of its own", quote(s.Name))
		}
		if names[s.Name] {
			l.wrong(key+".name", "%s is there twice; every source needs a name of its own", quote(s.Name))
		}
		names[s.Name] = true
		if s.Token != "" && s.Token == l.config.Server.AdminToken {
			l.wrong(key+".token", "is the admin token as well; give the source one of its own: %s", tokenFix)
		}
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
