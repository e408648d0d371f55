package config

import (
	"fmt"
	"strings"
)

// App is one app of a chat platform, the first one or a further one.
type App[T any] struct {
	Key      string // of its section: platforms.slack, platforms.slack.apps[0]
	Platform string // its name in events, keys and counts: slack, slack.NAME
	Settings *T
}

// SlackApps returns the Slack apps that run.
func (c *Config) SlackApps() []App[SlackApp] { return running(c.allSlack(), (*SlackApp).on) }

// FeishuApps returns the Feishu and Lark apps that run.
func (c *Config) FeishuApps() []App[FeishuApp] { return running(c.allFeishu(), (*FeishuApp).on) }

func running[T any](all []App[T], on func(*T) bool) []App[T] {
	var list []App[T]
	for _, a := range all {
		if on(a.Settings) {
			list = append(list, a)
		}
	}
	return list
}

// on reports whether the app runs. Slack's challenge is answered with the signing
// secret alone: the token is there only after it.
func (s *SlackApp) on() bool { return s.Enabled != Off && (s.SigningSecret != "" || s.Listens()) }

// Listens reports whether events come over connections that we open.
func (s *SlackApp) Listens() bool {
	return s.Enabled != Off && s.socket() && s.AppToken != "" && s.BotToken != ""
}

func (s *SlackApp) socket() bool { return s.Mode == "socket" || s.Mode == "auto" && s.AppToken != "" }

// on reports whether the app runs: with its credentials and, over http, the key
// that its events are checked with.
func (f *FeishuApp) on() bool {
	return f.Enabled != Off && f.AppID != "" && f.AppSecret != "" && (f.EncryptKey != "" || f.websocket())
}

// Listens reports whether events come over a connection that we open.
func (f *FeishuApp) Listens() bool { return f.on() && f.websocket() }

func (f *FeishuApp) websocket() bool {
	return f.Mode == "websocket" || f.Mode == "auto" && f.EncryptKey == "" && f.VerificationToken == ""
}

func (c *Config) allSlack() []App[SlackApp] {
	s := &c.Platforms.Slack
	all := []App[SlackApp]{{Key: slackKey, Platform: "slack", Settings: &s.SlackApp}}
	for i := range s.Apps {
		all = append(all, App[SlackApp]{Key: fmt.Sprintf("%s.apps[%d]", slackKey, i), Platform: "slack." + s.Apps[i].Name, Settings: &s.Apps[i].SlackApp})
	}
	return all
}

func (c *Config) allFeishu() []App[FeishuApp] {
	f := &c.Platforms.Feishu
	all := []App[FeishuApp]{{Key: feishuKey, Platform: "feishu", Settings: &f.FeishuApp}}
	for i := range f.Apps {
		all = append(all, App[FeishuApp]{Key: fmt.Sprintf("%s.apps[%d]", feishuKey, i), Platform: "feishu." + f.Apps[i].Name, Settings: &f.Apps[i].FeishuApp})
	}
	return all
}

// normaliseApps gives every app what it does not say itself, and addresses the
// form that their users expect.
func (c *Config) normaliseApps() {
	for _, a := range c.allSlack() {
		s, first := a.Settings, &c.Platforms.Slack
		inherit(&s.Enabled, Auto)
		inherit(&s.Mode, first.Mode)
		inherit(&s.APIURL, first.APIURL)
		inherit(&s.Stream, first.Stream)
		if s.APIURL != "" && !strings.HasSuffix(string(s.APIURL), "/") {
			s.APIURL += "/" // slack-go appends the method's name to it
		}
	}
	for _, a := range c.allFeishu() {
		f, first := a.Settings, &c.Platforms.Feishu
		inherit(&f.Enabled, Auto)
		inherit(&f.Mode, first.Mode)
		inherit(&f.BaseURL, first.BaseURL)
		inherit(&f.Stream, first.Stream)
		f.AppID = strings.TrimSpace(f.AppID) // it comes from where the secret comes from
		f.BaseURL = URL(strings.TrimRight(string(f.BaseURL), "/"))
	}
}

func inherit[T ~string](value *T, standard T) {
	if *value == "" {
		*value = standard
	}
}

// checkApps refuses apps that cannot be told apart, by name or by what they are
// to their platform, or that cannot do what they were told to.
func (l *loader) checkApps() {
	slack, feishu := l.config.allSlack(), l.config.allFeishu()
	checkNames(l, slack)
	checkNames(l, feishu)
	checkTwice(l, slack, "bot_token", func(s *SlackApp) string { return s.BotToken.Reveal() })
	checkTwice(l, feishu, "app_id", func(f *FeishuApp) string { return f.AppID })
	for _, a := range slack {
		l.startSlack(a.Key, a.Settings)
	}
	for _, a := range feishu {
		l.startFeishu(a.Key, a.Settings)
	}
}

func checkNames[T any](l *loader, apps []App[T]) {
	seen := map[string]bool{}
	for i, a := range apps {
		switch {
		case i == 0:
		case strings.HasSuffix(a.Platform, "."):
			l.wrong(a.Key+".name", "is missing; it is part of the webhook path and of user keys")
		case seen[a.Platform]:
			l.wrong(a.Key+".name", "is used twice; give each app its own name")
		}
		seen[a.Platform] = true
	}
}

// checkTwice refuses one app under two names: each of its messages would be
// answered under whichever name it happens to come in by.
func checkTwice[T any](l *loader, apps []App[T], field string, id func(*T) string) {
	owners := map[string]string{}
	for _, a := range apps {
		value := id(a.Settings)
		if owner, taken := owners[value]; taken && value != "" {
			l.wrong(a.Key+"."+field, "is already used by %s; list each app only once", owner)
			continue
		}
		owners[value] = a.Key
	}
}

func (l *loader) startSlack(key string, s *SlackApp) {
	if s.Enabled == Off {
		return
	}
	if s.Mode == "socket" && s.AppToken == "" && (s.Enabled == On || s.BotToken != "") {
		l.wrong(key+".app_token", "is missing while %s.mode is socket; set it (or %s), or use mode: http", key, variableOf(key, "app_token", "SLACK_APP_TOKEN"))
	}
	if s.Enabled == On {
		l.missing(s.SigningSecret == "" && !s.socket(), key, "signing_secret", "SLACK_SIGNING_SECRET")
		l.missing(s.BotToken == "", key, "bot_token", "SLACK_BOT_TOKEN")
	}
}

func (l *loader) startFeishu(key string, f *FeishuApp) {
	if f.Enabled == Off {
		return
	}
	l.missing(f.Enabled == On && f.AppID == "", key, "app_id", "FEISHU_APP_ID")
	l.missing(f.Enabled == On && f.AppSecret == "", key, "app_secret", "FEISHU_APP_SECRET")
	if (f.Enabled == On || f.AppID != "" && f.AppSecret != "") && !f.websocket() && f.EncryptKey == "" {
		l.wrong(key+".encrypt_key", "is missing: over http it is the only proof that an event comes from Feishu; "+
			"set it (or %s) to the Encrypt Key of the app's Events & Callbacks page, or use mode: websocket", variableOf(key, "encrypt_key", "FEISHU_ENCRYPT_KEY"))
	}
}

// missing notes that an app which must run lacks a field.
func (l *loader) missing(lacks bool, key, field, wellKnown string) {
	if lacks {
		l.wrong(key+"."+field, "is missing while %s.enabled is true; set it (or %s), or use enabled: auto", key, variableOf(key, field, wellKnown))
	}
}

// variableOf returns the variable that sets a field of an app: the well-known
// ones are the first app's.
func variableOf(key, field, wellKnown string) string {
	if key == slackKey || key == feishuKey {
		return wellKnown
	}
	return envName(key + "." + field)
}

// appWarnings says which apps are off for want of one thing.
func (c *Config) appWarnings() []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, a := range c.allSlack() {
		switch s := a.Settings; {
		case s.Enabled != Auto || s.on() && s.BotToken != "":
		case s.SigningSecret != "":
			say("%s is off, except for the URL verification challenge; set %s.bot_token once the request URL is verified and the app is installed", a.Platform, a.Key)
		case s.AppToken != "":
			say("%s is off: %s.bot_token is missing; set it to the Bot User OAuth Token (xoxb-…)", a.Platform, a.Key)
		case s.BotToken != "":
			say("%s is off: neither %s.app_token nor signing_secret is set; set app_token, or signing_secret if this server has a public address", a.Platform, a.Key)
		}
	}
	for _, a := range c.allFeishu() {
		if f := a.Settings; f.Enabled == Auto && (f.AppID != "" || f.AppSecret != "") && !f.on() {
			say("%s is off: only one of %s.app_id and app_secret is set; set the other", a.Platform, a.Key)
		}
	}
	return list
}
