package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestFurtherApps(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
platforms:
  slack:
    api_url: http://127.0.0.1:9/api
    apps:
      - {name: sales, signing_secret: "a ", bot_token: b}
      - {name: ops, signing_secret: c, bot_token: d, api_url: http://127.0.0.1:8}
      - {name: half, signing_secret: e}
  feishu:
    base_url: https://open.larksuite.com/
    apps: [{name: lark, app_id: " cli_1", app_secret: s, encrypt_key: k}]
access: {admins: [slack.sales/T1/user:U1, 'feishu.lark/*/user:ou_1']}
`, "PARLEY_PLATFORMS__SLACK__APPS__1__BOT_TOKEN=over", "PARLEY_PLATFORMS__SLACK__APPS__3__NAME=late", "SLACK_BOT_TOKEN=first")
	var got []string
	for _, a := range c.SlackApps() {
		got = append(got, strings.Join([]string{a.Key, a.Platform, a.Settings.SigningSecret.Reveal(), a.Settings.BotToken.Reveal(), string(a.Settings.APIURL)}, " "))
	}
	for _, a := range c.FeishuApps() {
		got = append(got, strings.Join([]string{a.Key, a.Platform, a.Settings.AppID, string(a.Settings.BaseURL)}, " "))
	}
	want := []string{
		"platforms.slack.apps[0] slack.sales a b http://127.0.0.1:9/api/",
		"platforms.slack.apps[1] slack.ops c over http://127.0.0.1:8/",
		"platforms.slack.apps[2] slack.half e  http://127.0.0.1:9/api/",
		"platforms.feishu.apps[0] feishu.lark cli_1 https://open.larksuite.com",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	warned := strings.Join(c.Warnings(), "\n")
	for _, want := range []string{"slack.half is off, except for the URL verification challenge; set platforms.slack.apps[2].bot_token", "slack is off: neither platforms.slack.app_token nor signing_secret is set"} {
		if !strings.Contains(warned, want) {
			t.Errorf("%q is not in %q", want, warned)
		}
	}
	if name := c.Platforms.Slack.Apps[3].Name; name != "late" {
		t.Errorf("the app that only variables name is %q", name)
	}
	var printed strings.Builder
	if err := c.Print(&printed); err != nil || !strings.Contains(printed.String(), "- name: sales\n") || strings.Contains(printed.String(), "bot_token: over") {
		t.Errorf("%v\n%s", err, printed.String())
	}
}

func TestFaultyApps(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"slack: {apps: [{name: a}, {name: a}]}":                                        "platforms.slack.apps[1].name: is used twice",
		"slack: {apps: [{bot_token: x}]}":                                              "platforms.slack.apps[0].name: is missing",
		"slack: {apps: [{name: a/b}]}":                                                 "platforms.slack.apps[0].name: must be 1 to 40 of",
		"slack: {apps: [{name: a, bot_tokn: x}]}":                                      "platforms.slack.apps[0].bot_tokn: unknown key; did you mean bot_token?",
		"slack: {bot_token: x, apps: [{name: a, bot_token: x}]}":                       "platforms.slack.apps[0].bot_token: is already used by platforms.slack;",
		"slack: {apps: [{name: a, enabled: true, bot_token: x}]}":                      "platforms.slack.apps[0].signing_secret: is missing while platforms.slack.apps[0].enabled is true; set it (or PARLEY_PLATFORMS__SLACK__APPS__0__SIGNING_SECRET)",
		"feishu: {apps: [{name: a, app_id: x, app_secret: y, verification_token: z}]}": "platforms.feishu.apps[0].encrypt_key: is missing",
		"feishu: {app_id: x, apps: [{name: a, app_id: x}]}":                            "platforms.feishu.apps[0].app_id: is already used by platforms.feishu;",
		"generic: {sources: [{name: slack.sales}]}":                                    "is the name of another platform",
		"slack: {apps: sales}":                                                         "platforms.slack.apps: must be a list",
	} {
		_, err := load(t, "platforms: {"+text+"}")
		if lines := faultLines(t, err); len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("%s\n got %q\nwant %q", text, lines, want)
		}
	}
}
