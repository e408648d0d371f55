package config

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// checkSources holds the sources to being told apart, by name and by proof.
func (l *loader) checkSources() {
	names := map[string]bool{}
	g := &l.config.Platforms.Generic
	if g.Enabled == On && len(g.Sources) == 0 {
		l.wrong(sourcesKey, "is empty while platforms.generic.enabled is true; add a source, or use enabled: auto")
	}
	for i, s := range g.Sources {
		key := fmt.Sprintf("%s[%d]", sourcesKey, i)
		if s.Name == "" {
			l.wrong(key+".name", "is missing; it is the platform part of the user key")
		}
		if slices.Contains([]string{"slack", "feishu", "web", "terminal"}, s.Name) || strings.HasPrefix(s.Name, "slack.") || strings.HasPrefix(s.Name, "feishu.") {
			l.wrong(key+".name", "%s is the name of another platform; choose another name", quote(s.Name))
		}
		if names[s.Name] {
			l.wrong(key+".name", "%s is used twice; give each source its own name", quote(s.Name))
		}
		names[s.Name] = true
		if s.Token != "" && s.Token == l.config.Server.AdminToken {
			l.wrong(key+".token", "is also the admin token; give the source its own: %s", tokenFix)
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
			l.wrong(fmt.Sprintf("%s[%d].%s", sourcesKey, i, field), "%s has the same %s as %s; give each source its own",
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
