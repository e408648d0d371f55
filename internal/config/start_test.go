package config

import (
	"slices"
	"strings"
	"testing"
)

func TestUnsafeStarts(t *testing.T) {
	t.Parallel()
	const outside = "PARLEY_LISTEN=0.0.0.0:8080"
	const sixteen = "0123456789abcdef"
	feishu := []string{"FEISHU_APP_ID=a", "FEISHU_APP_SECRET=b"}
	tests := []struct {
		name, text string
		environ    []string
		refused    string // key of the one fault; "" = starts
		on         string // what runs
	}{
		{"nothing set", "", nil, "", "generic"},
		{"nothing set, every interface", "", []string{outside}, "", "generic"},
		{"source without a secret", "platforms: {generic: {sources: [{name: a}]}}", []string{outside}, "", "a"},
		{"generic off", "platforms: {generic: {enabled: false}}", nil, "", ""},
		{"wanted without a source", "platforms: {generic: {enabled: true, sources: []}}", nil, "platforms.generic.sources", ""},
		{"short secret", "", []string{"GENERIC_WEBHOOK_SECRET=whsec_c2hvcnQ="}, "platforms.generic.sources[0].secret", ""},
		{"secret without its prefix", "", []string{"GENERIC_WEBHOOK_SECRET=MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "platforms.generic.sources[0].secret", ""},
		{"long secret", "", []string{"GENERIC_WEBHOOK_SECRET=whsec_" + strings.Repeat("AAAA", 22)}, "platforms.generic.sources[0].secret", ""},
		{"admin token of 16", "", []string{"PARLEY_ADMIN_TOKEN=" + sixteen}, "", "generic"},
		{"admin token of 15", "", []string{"PARLEY_ADMIN_TOKEN=" + sixteen[1:]}, "server.admin_token", ""},
		{"admin token in the file", "server: {admin_token: short}", nil, "server.admin_token", ""},
		{"operations beside", "", []string{"PARLEY_SERVER__OPERATIONS_LISTEN=127.0.0.1:9090"}, "", "generic"},
		{"operations on another host", "", []string{"PARLEY_SERVER__OPERATIONS_LISTEN=192.0.2.1:8080"}, "", "generic"},
		{"operations on another port of every interface", "", []string{outside, "PARLEY_SERVER__OPERATIONS_LISTEN=:9090"}, "", "generic"},
		{"operations on listen itself", "", []string{"PARLEY_SERVER__OPERATIONS_LISTEN=127.0.0.1:8080"}, "server.operations_listen", ""},
		{"operations on listen by its name", "", []string{"PARLEY_SERVER__OPERATIONS_LISTEN=localhost:8080"}, "server.operations_listen", ""},
		{"operations within listen", "", []string{outside, "PARLEY_SERVER__OPERATIONS_LISTEN=10.0.0.1:8080"}, "server.operations_listen", ""},
		{"operations around listen", "", []string{"PARLEY_SERVER__OPERATIONS_LISTEN=:8080"}, "server.operations_listen", ""},
		{"operations without a port", "", []string{"PARLEY_SERVER__OPERATIONS_LISTEN=localhost"}, "server.operations_listen", ""},
		{"source token of 16", "platforms: {generic: {sources: [{name: a, token: " + sixteen + "}]}}", nil, "", "a"},
		{"source token of 15", "platforms: {generic: {sources: [{name: a, token: " + sixteen[1:] + "}]}}", nil, "platforms.generic.sources[0].token", ""},
		{"source token by variable", "", []string{"PARLEY_PLATFORMS__GENERIC__SOURCES__0__TOKEN=short"}, "platforms.generic.sources[0].token", ""},
		{"source token with a space", "platforms: {generic: {sources: [{name: a, token: '0123456789 abcdef'}]}}", nil, "platforms.generic.sources[0].token", ""},
		{"source token that is the admin's", "platforms: {generic: {sources: [{name: a, token: " + sixteen + "}]}}", []string{"PARLEY_ADMIN_TOKEN=" + sixteen}, "platforms.generic.sources[0].token", ""},
		{"two sources with one token", "platforms: {generic: {sources: [{name: a, token: " + sixteen + "}, {name: b, token: " + sixteen + "}]}}", nil, "platforms.generic.sources[1].token", ""},
		{"feishu without a key connects", "", feishu, "", "feishu generic"},
		{"feishu without a key over http", "platforms: {feishu: {mode: http}}", feishu, "platforms.feishu.encrypt_key", ""},
		{"feishu connects whatever keys there are", "platforms: {feishu: {mode: websocket}}", append(slices.Clone(feishu), "FEISHU_VERIFICATION_TOKEN=c"), "", "feishu generic"},
		{"feishu with a token", "", append(slices.Clone(feishu), "FEISHU_VERIFICATION_TOKEN=c"), "platforms.feishu.encrypt_key", ""},
		{"feishu with a key", "", append(slices.Clone(feishu), "FEISHU_ENCRYPT_KEY=c", outside), "", "feishu generic"},
		{"feishu off", "platforms: {feishu: {enabled: false}}", feishu, "", "generic"},
		{"feishu wanted over http without a key", "platforms: {feishu: {enabled: true, mode: http}}", feishu, "platforms.feishu.encrypt_key", ""},
		{"feishu half there", "", feishu[:1], "", "generic"},
		{"slack wanted without a token", "platforms: {slack: {enabled: true}}", []string{"SLACK_SIGNING_SECRET=a"}, "platforms.slack.bot_token", ""},
		{"slack without a token, for the challenge", "", []string{"SLACK_SIGNING_SECRET=a"}, "", "slack generic"},
		{"slack connects without a secret", "", []string{"SLACK_APP_TOKEN=a", "SLACK_BOT_TOKEN=b"}, "", "slack generic"},
		{"slack wanted connects without a secret", "platforms: {slack: {enabled: true}}", []string{"SLACK_APP_TOKEN=a", "SLACK_BOT_TOKEN=b"}, "", "slack generic"},
		{"slack wanted over http without a secret", "platforms: {slack: {enabled: true, mode: http}}", []string{"SLACK_APP_TOKEN=a", "SLACK_BOT_TOKEN=b"}, "platforms.slack.signing_secret", ""},
		{"slack with an app token alone", "", []string{"SLACK_APP_TOKEN=a"}, "", "generic"},
		{"slack without a secret", "", []string{"SLACK_BOT_TOKEN=b"}, "", "generic"},
		{"slack there", "", []string{"SLACK_SIGNING_SECRET=a", "SLACK_BOT_TOKEN=b"}, "", "slack generic"},
		{"slack off", "platforms: {slack: {enabled: false, mode: socket}}", []string{"SLACK_SIGNING_SECRET=a", "SLACK_BOT_TOKEN=b"}, "", "generic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, tt.text, tt.environ...)
			if tt.refused != "" {
				lines := faultLines(t, err)
				if len(lines) != 1 || !strings.Contains(lines[0], tt.refused+": ") {
					t.Errorf("want one fault of %s, got %q", tt.refused, lines)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := onIn(c); got != tt.on {
				t.Errorf("runs %q, want %q", got, tt.on)
			}
		})
	}
}

// onIn names the platforms that are on.
func onIn(c *Config) string {
	var on []string
	for _, a := range c.SlackApps() {
		on = append(on, a.Platform)
	}
	for _, a := range c.FeishuApps() {
		on = append(on, a.Platform)
	}
	for _, s := range c.Sources() {
		on = append(on, s.Name)
	}
	return strings.Join(on, " ")
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		environ []string
		want    string
	}{
		{nil, ""},
		{[]string{"SLACK_BOT_TOKEN=a"}, "slack is off"},
		{[]string{"FEISHU_APP_ID=a"}, "feishu is off"},
		{[]string{"PARLEY_LISTEN=0.0.0.0:1"}, ""},
		{[]string{"PARLEY_AI__CONVERSATION_PERSISTENCE__ENABLED=false"}, "kept in memory"},
		{[]string{"PARLEY_AI__CONVERSATION_PERSISTENCE__SCOPE=room"}, "everyone in a room"},
		{[]string{"PARLEY_AI__CONVERSATION_PERSISTENCE__SCOPE=room", `PARLEY_ACCESS__ADMINS=["slack/*/user:U1"]`}, ""},
	}
	for _, tt := range tests {
		got := strings.Join(mustLoad(t, "", tt.environ...).Warnings(), "\n")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.environ, got, tt.want)
		}
	}
}

func TestEffectiveModel(t *testing.T) {
	t.Parallel()
	const key, base = "OPENAI_API_KEY=k", "OPENAI_BASE_URL=http://127.0.0.1:1/v1"
	tests := []struct {
		environ         []string
		provider, model string
	}{
		{nil, "echo", "echo"},
		{[]string{key}, "openai", "gpt-4o-mini"},
		{[]string{base}, "openai", "gpt-4o-mini"},
		{[]string{"PARLEY_AI_MODEL=openai:ft:gpt-4o:acme", key}, "openai", "ft:gpt-4o:acme"},
		{[]string{"PARLEY_AI_MODEL=gpt-5", key}, "openai", "gpt-5"},
		{[]string{"PARLEY_AI_MODEL=echo", key}, "echo", "echo"},
	}
	for _, tt := range tests {
		provider, model := mustLoad(t, "", tt.environ...).EffectiveModel()
		if provider != tt.provider || model != tt.model {
			t.Errorf("%q: got %s %s", tt.environ, provider, model)
		}
	}
}

// Two sources with one secret or token could each write as the other, however
// it is written.
func TestSharedSecret(t *testing.T) {
	t.Parallel()
	for field, values := range map[string][2]string{
		"secret": {goodSecret, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
		"token":  {"a-token-of-one-source", "a-token-of-another-one"},
	} {
		text := "platforms: {generic: {sources: [{name: a, F: " + values[0] + "}, {name: b, F: " + values[1] + "}, {name: c, F: %s}]}}"
		text = strings.ReplaceAll(text, "F:", field+":")
		if _, err := load(t, strings.ReplaceAll(text, "%s", "''")); err != nil {
			t.Errorf("two, and a source without a %s: %v", field, err)
		}
		_, err := load(t, strings.ReplaceAll(text, "%s", values[1]))
		lines := faultLines(t, err)
		if len(lines) != 1 || !strings.Contains(lines[0], "platforms.generic.sources[2]."+field+": ") ||
			!strings.Contains(lines[0], `"b"`) || !strings.Contains(lines[0], `"c"`) || strings.Contains(lines[0], values[1]) {
			t.Errorf("want one fault that names b and c and not the %s, got %q", field, lines)
		}
	}
}
