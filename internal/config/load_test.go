package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const goodSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// load reads a file of the given text with the given environment.
func load(t *testing.T, text string, environ ...string) (*Config, error) {
	t.Helper()
	return Load(LoadOptions{Environ: environ, ReadFile: files(map[string]string{"config.yaml": text})})
}

// files is a ReadFile that knows these files.
func files(all map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := all[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

func mustLoad(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, err := load(t, text, environ...)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func TestNoFileIsTheDefault(t *testing.T) {
	t.Parallel()
	c, err := Load(LoadOptions{ReadFile: files(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("got %+v", c)
	}
}

func TestMissingNamedFileIsAFault(t *testing.T) {
	t.Parallel()
	_, err := Load(LoadOptions{Path: "nope.yaml", ReadFile: files(nil)})
	if err == nil || err.Error() != "nope.yaml: cannot be read: file does not exist" {
		t.Errorf("got %v", err)
	}
}

func TestEmptyFilesAreTheDefault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "# only a comment\n", "---\n", "server:\n", "platforms:\n  slack:\n", "\ufeffserver:\r\n  listen: 127.0.0.1:8080\r\n"} {
		if c := mustLoad(t, text); !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: got %+v", text, c)
		}
	}
}

// TestExampleFile holds config.yaml to the struct: the same keys, the same values.
func TestExampleFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c := mustLoad(t, string(text)); !reflect.DeepEqual(c, Default()) {
		t.Errorf("config.yaml is not the default: %+v", c)
	}
	// The default source is written as a comment, since writing it out changes
	// what it means beyond loopback.
	full := regexp.MustCompile(`(?m)^( +)# ((  )*(- )?(sources|name|secret|callback_url):)`).ReplaceAllString(string(text), "$1$2")
	l, err := newLoader(LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l.decodeFile("config.yaml", []byte(full))
	l.validate()
	if len(l.faults) > 0 {
		t.Fatal(l.faults)
	}
	for _, key := range append(Keys(), sourcesKey+"[0].name", sourcesKey+"[0].secret", sourcesKey+"[0].callback_url") {
		if l.places[key].Line == 0 {
			t.Errorf("%s is not in config.yaml", key)
		}
	}
	if !reflect.DeepEqual(l.config.Platforms, func() Platforms { return Default().Platforms }()) {
		t.Errorf("the commented source is not the default: %+v", l.config.Platforms)
	}
}

func TestValuesOfEveryType(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
server: {listen: "[::1]:0", body_limit: 512KB, trusted_proxies: [10.0.0.0/8, "::1/128"], shutdown_grace: 1m30s}
platforms:
  slack: {enabled: false, api_url: http://127.0.0.1:9/api, app_token: 12345678901234567890}
  generic:
    sources:
      - {name: ci, secret: `+goodSecret+`, callback_url: "https://example.com/hook", token: 0123456789abcdef}
      - name: cron
ai:
  personas:
    poet: |
      You rhyme.
      Always.
    1: one
  models: &models
    - gpt-4o
    - openai:ft:gpt-4o:acme
  fallback_models: *models
  stream: false
  budget: {tokens_per_user: 5000000000}
gateway: {workers: 16, busy: interrupt}
`)
	want := Default()
	want.Server = Server{
		Listen: "[::1]:0", BodyLimit: 512_000, TrustedProxies: []string{"10.0.0.0/8", "::1/128"}, ShutdownGrace: 90 * time.Second,
	}
	want.Platforms.Slack.Enabled, want.Platforms.Slack.APIURL, want.Platforms.Slack.AppToken = Off, "http://127.0.0.1:9/api/", "12345678901234567890"
	want.Platforms.Generic.Sources = []Source{{Name: "ci", Secret: goodSecret, CallbackURL: "https://example.com/hook", Token: "0123456789abcdef"}, {Name: "cron"}}
	want.AI.Personas = map[string]string{"poet": "You rhyme.\nAlways.\n", "1": "one"}
	want.AI.Models = []string{"gpt-4o", "openai:ft:gpt-4o:acme"}
	want.AI.FallbackModels = want.AI.Models
	want.AI.Stream, want.AI.Budget.TokensPerUser, want.Gateway.Workers, want.Gateway.Busy = false, 5_000_000_000, 16, "interrupt"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// TestFaults shows each kind of fault as the one line that people see.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		environ    []string
		want       []string
	}{
		{"unknown key", "gateway:\n  wokers: 3\n", nil, []string{"config.yaml:2: gateway.wokers: unknown key; did you mean workers?"}},
		{"unknown section", "xyz: 1\n", nil, []string{"config.yaml:1: xyz: unknown key; known keys: access, ai, commands, gateway, memory, monitor, platforms, scheduler, server"}},
		{"unknown key in a source", "platforms: {generic: {sources: [{name: a, sekret: b}]}}", nil, []string{"config.yaml:1: platforms.generic.sources[0].sekret: unknown key; did you mean secret?"}},
		{"twice", "gateway:\n  workers: 1\n  workers: 2\n", nil, []string{"config.yaml:3: gateway.workers: is set twice, first on line 2; keep one"}},
		{"persona twice", "ai: {personas: {a: x, a: y}}", nil, []string{"config.yaml:1: ai.personas.a: is set twice, first on line 1; keep one"}},
		{"text for a number", "gateway: {workers: many}", nil, []string{`config.yaml:1: gateway.workers: must be a whole number, got "many"`}},
		{"quoted number", "gateway: {workers: '6'}", nil, []string{`config.yaml:1: gateway.workers: must be a whole number without quotes, got "6"`}},
		{"fraction", "gateway: {workers: 1.5}", nil, []string{`config.yaml:1: gateway.workers: must be a whole number, got "1.5"`}},
		{"hexadecimal", "gateway: {workers: 0x10}", nil, []string{`config.yaml:1: gateway.workers: must be a whole number, got "0x10"`}},
		{"too large", "", []string{"PARLEY_GATEWAY__WORKERS=99999999999999999999"}, []string{`PARLEY_GATEWAY__WORKERS: gateway.workers: must be at most 10000, got 99999999999999999999`}},
		{"too large for any field", "ai: {budget: {tokens_per_user: 99999999999999999999}}", nil, []string{`config.yaml:1: ai.budget.tokens_per_user: "99999999999999999999" is too large a number`}},
		{"quoted truth value", "ai: {stream: 'true'}", nil, []string{`config.yaml:1: ai.stream: must be true or false without quotes, got "true"`}},
		{"number for a truth value", "ai: {stream: 1}", nil, []string{`config.yaml:1: ai.stream: must be true or false, got "1"`}},
		{"mapping for a number", "gateway: {workers: {a: 1}}", nil, []string{`config.yaml:1: gateway.workers: must be a whole number, got a mapping`}},
		{"secret for a section", "platforms: {slack: xoxb-1}", nil, []string{`config.yaml:1: platforms.slack: must be a mapping (key: value), got a single value`}},
		{"replaced by a variable", "gateway: {workers: 0}", []string{"PARLEY_GATEWAY__WORKERS=3"}, nil},
		{"list replaced by a variable", "server:\n  trusted_proxies: [x]\n", []string{"PARLEY_SERVER__TRUSTED_PROXIES=::1/128,y"}, []string{
			`PARLEY_SERVER__TRUSTED_PROXIES: server.trusted_proxies[1]: must be a CIDR such as 10.0.0.0/8 or 192.0.2.1/32, got "y"`,
		}},
		{"text for a truth value", "ai: {stream: yes please}", nil, []string{`config.yaml:1: ai.stream: must be true or false, got "yes please"`}},
		{"truth value for a text", "ai: {model: true}", nil, []string{`config.yaml:1: ai.model: must be text, got true`}},
		{"list for a text", "ai: {model: [a]}", nil, []string{`config.yaml:1: ai.model: must be text, got a list`}},
		{"text for a list", "ai: {models: a}", nil, []string{`config.yaml:1: ai.models: must be a list, got a single value`}},
		{"text for a section", "ai: on", nil, []string{`config.yaml:1: ai: must be a mapping (key: value), got a single value`}},
		{"list at the top", "- a", nil, []string{`config.yaml:1: must be a mapping (key: value), got a list`}},
		{"toggle", "platforms: {slack: {enabled: maybe}}", nil, []string{`config.yaml:1: platforms.slack.enabled: must be one of auto, true, false, got "maybe"`}},
		{"duration without unit", "ai: {timeout: 30}", nil, []string{`config.yaml:1: ai.timeout: must be a duration with its unit, such as 30s or 2m, got "30"`}},
		{"size", "server: {body_limit: 3 apples}", nil, []string{`config.yaml:1: server.body_limit: must be a size such as 512KB, 1MiB or a number of bytes, and more than 0, got "3 apples"`}},
		{"enum", "gateway: {busy: drop}", nil, []string{`config.yaml:1: gateway.busy: must be one of queue, coalesce, interrupt, got "drop"`}},
		{"no workers", "gateway: {workers: 0}", nil, []string{"config.yaml:1: gateway.workers: must be at least 1, got 0"}},
		{"an admin who is nobody", "access: {admins: [slack/T1/user:U1, generic//user:a/b:c, 'feishu/*/user:ou_1', U1]}", nil, []string{
			`config.yaml:1: access.admins[3]: must be platform/tenant/user:ID, such as slack/T024BE7LD/user:U061F7AUR or feishu/*/user:ou_123, got "U1"`,
		}},
		{"an admin of no platform", "access: {admins: [teams/T1/user:U1]}", nil, []string{
			`config.yaml:1: access.admins[0]: must begin with slack, feishu, the platform of a further app (slack.NAME) or the name of a generic source, got "teams"`,
		}},
		{"access", "access: {mode: closed, allow: [slack/, teams, slack/T1/room:C1, slack], deny: ['slack/T1/user:'], max_replies_per_minute: -1}", nil, []string{
			"config.yaml:1: access.mode: must be one of open, allow, pairing, got \"closed\"",
			"config.yaml:1: access.allow[0]: must be a platform, platform/tenant, platform/tenant/chat:ID or platform/tenant/user:ID, such as slack, slack/T024BE7LD/chat:C012AB3CD or feishu/*/user:ou_123, got \"slack/\"",
			"config.yaml:1: access.allow[1]: must begin with slack, feishu, the platform of a further app (slack.NAME) or the name of a generic source, got \"teams\"",
			"config.yaml:1: access.allow[2]: must be a platform, platform/tenant, platform/tenant/chat:ID or platform/tenant/user:ID, such as slack, slack/T024BE7LD/chat:C012AB3CD or feishu/*/user:ou_123, got \"slack/T1/room:C1\"",
			"config.yaml:1: access.deny[0]: must be a platform, platform/tenant, platform/tenant/chat:ID or platform/tenant/user:ID, such as slack, slack/T024BE7LD/chat:C012AB3CD or feishu/*/user:ou_123, got \"slack/T1/user:\"",
			"config.yaml:1: access.max_replies_per_minute: must be at least 0, got -1",
		}},
		{"negative budget", "ai: {budget: {tokens_per_chat: -1}}", nil, []string{"config.yaml:1: ai.budget.tokens_per_chat: must be at least 0, got -1"}},
		{"cleanup now", "ai: {conversation_persistence: {cleanup_days: 0}}", nil, []string{"config.yaml:1: ai.conversation_persistence.cleanup_days: must be at least 1, got 0"}},
		{"negative turns", "ai: {conversation_persistence: {max_history_turns: -1}}", nil, []string{"config.yaml:1: ai.conversation_persistence.max_history_turns: must be at least 0, got -1"}},
		{"no tokens", "ai: {context_tokens: 0}", nil, []string{"config.yaml:1: ai.context_tokens: must be at least 1, got 0"}},
		{"no reply", "gateway: {max_reply: 1000}", nil, []string{"config.yaml:1: gateway.max_reply: must be between 1KiB and 4MiB, got 1000"}},
		{"endless reply", "gateway: {max_reply: 1GiB}", nil, []string{"config.yaml:1: gateway.max_reply: must be between 1KiB and 4MiB, got 1GiB"}},
		{"negative output", "ai: {max_output_tokens: -1}", nil, []string{"config.yaml:1: ai.max_output_tokens: must be at least 0, got -1"}},
		{"no time", "ai: {timeout: 0s}", nil, []string{"config.yaml:1: ai.timeout: must be more than 0, such as 120s, got 0s"}},
		{"cron", "scheduler: {cleanup: '61 3 * * *'}", nil, []string{"config.yaml:1: scheduler.cleanup: is not a cron expression: end of range (61) above maximum (59): 61"}},
		{"cron fields", "scheduler: {vacuum: '@daily'}", nil, []string{`config.yaml:1: scheduler.vacuum: must have five fields (minute hour day month weekday), or be empty to switch the job off, got "@daily"`}},
		{"cron never", "scheduler: {backup: '0 0 30 2 *'}", nil, []string{`config.yaml:1: scheduler.backup: names a date that never occurs, got "0 0 30 2 *"`}},
		{"zone", "scheduler: {timezone: Mars/Olympus}", nil, []string{`config.yaml:1: scheduler.timezone: must be a time zone such as UTC or Europe/Berlin, got "Mars/Olympus"`}},
		{"cidr", "server: {trusted_proxies: [10.0.0.0/8, 10.0.0.1]}", nil, []string{`config.yaml:1: server.trusted_proxies[1]: must be a CIDR such as 10.0.0.0/8 or 192.0.2.1/32, got "10.0.0.1"`}},
		{"port alone", "server: {listen: 8080}", nil, []string{`config.yaml:1: server.listen: must be host:port such as 127.0.0.1:8080, with a port from 0 to 65535, got "8080"`}},
		{"listen with a space", "server: {listen: 'a b:1'}", nil, []string{`config.yaml:1: server.listen: must be host:port such as 127.0.0.1:8080, with a port from 0 to 65535, got "a b:1"`}},
		{"nothing to listen on", "server: {listen: ''}", nil, []string{`config.yaml:1: server.listen: must not be empty`}},
		{"size beyond all", "server: {body_limit: 99999999999GiB}", nil, []string{`config.yaml:1: server.body_limit: must be a size of less than 8 EiB, got "99999999999GiB"`}},
		{"prefix with a line end", "commands: {prefix: \"a\\nb\"}", nil, []string{`config.yaml:1: commands.prefix: must be one or more characters and not begin with a space, such as / or "!bot ", got "a\nb"`}},
		{"port", "server: {listen: '127.0.0.1:99999'}", nil, []string{`config.yaml:1: server.listen: must be host:port such as 127.0.0.1:8080, with a port from 0 to 65535, got "127.0.0.1:99999"`}},
		{"address", "ai: {base_url: 'user:geheim@host'}", nil, []string{`config.yaml:1: ai.base_url: must be an address that starts with http:// or https://`}},
		{"database", "ai: {conversation_persistence: {db_url: 'oracle://u:geheim@h/d'}}", nil, []string{`config.yaml:1: ai.conversation_persistence.db_url: database URL: unknown scheme "oracle"; known are sqlite, postgresql and mysql`}},
		{"provider", "ai: {model: 'anthropic:claude'}", nil, []string{`config.yaml:1: ai.model: unknown provider "anthropic"; known are echo and openai. If the model's own name has a colon, write openai:anthropic:claude`}},
		{"fallback", "ai: {fallback_models: ['openai:']}", nil, []string{`config.yaml:1: ai.fallback_models[0]: must name a model, such as openai:gpt-4o-mini or echo, got "openai:"`}},
		{"prefix", "commands: {prefix: ''}", nil, []string{`config.yaml:1: commands.prefix: must be one or more characters and not begin with a space, such as / or "!bot ", got ""`}},
		{"prefix that begins with a space", "commands: {prefix: ' /'}", nil, []string{`config.yaml:1: commands.prefix: must be one or more characters and not begin with a space, such as / or "!bot ", got " /"`}},
		{"prefix that ends in a space", "commands: {prefix: '!bot '}", nil, nil},
		{"socket mode without its token", "platforms: {slack: {mode: socket, bot_token: x}}", nil, []string{`config.yaml:1: platforms.slack.app_token: is missing while platforms.slack.mode is socket; set it (or SLACK_APP_TOKEN), or use mode: http`}},
		{"dynamodb", "memory: {backend: dynamodb, dynamodb: {endpoint: 'http://127.0.0.1:8000'}}", nil, nil},
		{"dynamodb prefix", "memory: {dynamodb: {table_prefix: 'a b'}}", nil, []string{`config.yaml:1: memory.dynamodb.table_prefix: must be at most 200 of A-Z a-z 0-9 . _ and -, got "a b"`}},
		{"source names", "platforms: {generic: {sources: [{name: a}, {name: a}, {name: 'x:y'}, {name: slack}, {}]}}", nil, []string{
			`config.yaml:1: platforms.generic.sources[1].name: "a" is used twice; give each source its own name`,
			`config.yaml:1: platforms.generic.sources[2].name: must be 1 to 50 of A-Z a-z 0-9 . _ and -, got "x:y"`,
			`config.yaml:1: platforms.generic.sources[3].name: "slack" is the name of another platform; choose another name`,
			`config.yaml:1: platforms.generic.sources[4].name: is missing; it is the platform part of the user key`,
		}},
		{"syntax", "a: [1\nb: 2\n", nil, []string{"config.yaml:2: is not valid YAML: ',' or ']' must be specified"}},
		{"two documents", "ai: {}\n---\nai: {}\n", nil, []string{"config.yaml:3: a second YAML document begins here; keep one"}},
		{"merge key", "ai:\n  <<: {model: echo}\n", nil, []string{"config.yaml:2: ai: merge keys (<<) are not supported; write the keys out"}},
		{"alias", "ai: {model: *nobody}\n", nil, []string{"config.yaml:1: ai.model: the alias refers to no anchor above it"}},
		{"unset variable", "ai: {api_key: '${NO_SUCH}'}", nil, []string{"config.yaml:1: ai.api_key: the environment variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}"}},
		{"open variable", "ai: {api_key: 'a${B'}", nil, []string{"config.yaml:1: ai.api_key: ${ without }; write $$ for a literal $"}},
		{"variable name", "ai: {system_prompt: '${not a name}'}", nil, []string{`config.yaml:1: ai.system_prompt: "not a name" is not a variable name; write ${NAME} or ${NAME:-default}, and $${ for a literal ${`}},
		{"environment type", "", []string{"PARLEY_GATEWAY__WORKERS=many"}, []string{`PARLEY_GATEWAY__WORKERS: gateway.workers: must be a whole number, got "many"`}},
		{"environment value", "", []string{"PARLEY_GATEWAY__WORKERS=0"}, []string{`PARLEY_GATEWAY__WORKERS: gateway.workers: must be at least 1, got 0`}},
		{"environment JSON", "", []string{"PARLEY_AI__MODELS=[a"}, []string{`PARLEY_AI__MODELS: is not valid YAML: sequence end token ']' not found`}},
		{"both", "", []string{"SLACK_BOT_TOKEN=a", "SLACK_BOT_TOKEN_FILE=b"}, []string{"SLACK_BOT_TOKEN_FILE: platforms.slack.bot_token: SLACK_BOT_TOKEN is also set; keep only one"}},
		{"no file", "", []string{"SLACK_BOT_TOKEN_FILE=/run/x"}, []string{`SLACK_BOT_TOKEN_FILE: platforms.slack.bot_token: the file "/run/x" cannot be read: file does not exist`}},
		{
			"everything at once", "gateway:\n  workers: 0\n  busy: drop\nai:\n  timeout: soon\nnonsense: 1\n",
			[]string{"PARLEY_MONITOR__TOKENS_WARN=-1"},
			[]string{
				`PARLEY_MONITOR__TOKENS_WARN: monitor.tokens_warn: must be at least 0, got -1`,
				`config.yaml:2: gateway.workers: must be at least 1, got 0`,
				`config.yaml:3: gateway.busy: must be one of queue, coalesce, interrupt, got "drop"`,
				`config.yaml:5: ai.timeout: must be a duration with its unit, such as 30s or 2m, got "soon"`,
				`config.yaml:6: nonsense: unknown key; known keys: access, ai, commands, gateway, memory, monitor, platforms, scheduler, server`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.text, tt.environ...)
			got := faultLines(t, err)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

func faultLines(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	faults, ok := errors.AsType[FaultErrors](err)
	if !ok {
		t.Fatalf("not FaultErrors: %T %v", err, err)
	}
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.String())
	}
	return lines
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"gateway:\n  workers: many  # so\n", "    2 |   workers: many  # so\n      |            ^\n"},
		{"gateway:\n  wörkers: 1\n", "    2 |   wörkers: 1\n      |   ^\n"},
		{"commands: {prefix: \"ö\", language: de}\n", "    1 | commands: {prefix: \"ö\", language: de}\n      |                                   ^\n"},
		{"platforms: {generic: {sources: [{secret: geheim}]}}\n", "    1 | platforms: {generic: {sources: [{secret: ***\n      |                                          ^\n"},
	}
	for _, tt := range tests {
		_, err := load(t, tt.text)
		faults, _ := errors.AsType[FaultErrors](err)
		if len(faults) != 1 {
			t.Fatalf("%q: %v", tt.text, err)
		}
		if got := faults[0].Excerpt(); got != tt.want {
			t.Errorf("%q: got\n%swant\n%s", tt.text, got, tt.want)
		}
	}
}

func TestExpansion(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
ai:
  api_key: ${KEY}
  system_prompt: "costs $5, $$x, $${KEY}, ${EMPTY:-d}, ${EMPTY}, ${NONE:-}."
  models: ["${M:-gpt-4o}"]
  personas: {a: "${KEY}"}
gateway:
  workers: ${WORKERS:-7}
server:
  body_limit: ${LIMIT}
`, "KEY=a$${b}", "EMPTY=", "LIMIT=2MiB")
	if got := c.AI.APIKey.Reveal(); got != "a$${b}" {
		t.Errorf("what a variable holds is not expanded again: got %q", got)
	}
	if want := "costs $5, $x, ${KEY}, d, , ."; c.AI.SystemPrompt != want {
		t.Errorf("got %q, want %q", c.AI.SystemPrompt, want)
	}
	if c.Gateway.Workers != 7 || c.Server.BodyLimit != 2<<20 || c.AI.Models[0] != "gpt-4o" || c.AI.Personas["a"] != "a$${b}" {
		t.Errorf("got %+v", c)
	}
}

// TestEveryKeyFromTheEnvironment sets each key to its own default by its PARLEY_ name.
func TestEveryKeyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	l := &loader{config: Default()}
	for _, one := range leaves("", reflect.ValueOf(l.config).Elem()) {
		var text string
		switch one.key {
		case sourcesKey:
			text = `[{"name": "generic", "secret": "", "callback_url": "", "token": ""}]`
		case "ai.personas", "ai.providers", "ai.models_info", "ai.tools.mcp":
			text = `{}`
		default:
			text = strings.Trim(fmt.Sprint(one.value.Interface()), "[]")
			if list, ok := reflect.TypeAssert[[]string](one.value); ok {
				text = strings.Join(list, ",")
			}
		}
		c := mustLoad(t, "", envName(one.key)+"="+text)
		if !reflect.DeepEqual(c, Default()) {
			t.Errorf("%s=%s changed more than it says: %+v", envName(one.key), text, c)
		}
	}
}

func TestWellKnownNames(t *testing.T) {
	t.Parallel()
	names := map[string]func(*Config) string{
		"PARLEY_LISTEN":             func(c *Config) string { return c.Server.Listen },
		"PARLEY_ADMIN_TOKEN":        func(c *Config) string { return c.Server.AdminToken.Reveal() },
		"SLACK_SIGNING_SECRET":      func(c *Config) string { return c.Platforms.Slack.SigningSecret.Reveal() },
		"SLACK_BOT_TOKEN":           func(c *Config) string { return c.Platforms.Slack.BotToken.Reveal() },
		"SLACK_APP_TOKEN":           func(c *Config) string { return c.Platforms.Slack.AppToken.Reveal() },
		"SLACK_API_URL":             func(c *Config) string { return string(c.Platforms.Slack.APIURL) },
		"FEISHU_APP_ID":             func(c *Config) string { return c.Platforms.Feishu.AppID },
		"FEISHU_APP_SECRET":         func(c *Config) string { return c.Platforms.Feishu.AppSecret.Reveal() },
		"FEISHU_VERIFICATION_TOKEN": func(c *Config) string { return c.Platforms.Feishu.VerificationToken.Reveal() },
		"FEISHU_ENCRYPT_KEY":        func(c *Config) string { return c.Platforms.Feishu.EncryptKey.Reveal() },
		"FEISHU_BASE_URL":           func(c *Config) string { return string(c.Platforms.Feishu.BaseURL) },
		"GENERIC_WEBHOOK_SECRET":    func(c *Config) string { return c.Platforms.Generic.Sources[0].Secret.Reveal() },
		"GENERIC_CALLBACK_URL":      func(c *Config) string { return string(c.Platforms.Generic.Sources[0].CallbackURL) },
		"PARLEY_AI_MODEL":           func(c *Config) string { return c.AI.Model },
		"OPENAI_BASE_URL":           func(c *Config) string { return string(c.AI.BaseURL) },
		"OPENAI_API_KEY":            func(c *Config) string { return c.AI.APIKey.Reveal() },
		"CONVERSATION_DB_URL":       func(c *Config) string { return string(c.AI.ConversationPersistence.DBURL) },
		"CONVERSATION_DATA_DIR":     func(c *Config) string { return c.AI.ConversationPersistence.DataDir },
	}
	values := map[string]string{
		"PARLEY_LISTEN": "localhost:1", "SLACK_API_URL": "http://h/", "FEISHU_BASE_URL": "http://h",
		"GENERIC_WEBHOOK_SECRET": goodSecret, "GENERIC_CALLBACK_URL": "http://h/cb", "OPENAI_BASE_URL": "http://h/v1",
		"CONVERSATION_DB_URL": "mysql://u@h/d",
	}
	for name, get := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := values[name]
			if value == "" {
				value = "a-plain-value-16"
			}
			if got := get(mustLoad(t, "", name+"="+value)); got != value {
				t.Errorf("got %q, want %q", got, value)
			}
			if got := mustLoad(t, "", name+"="); !reflect.DeepEqual(got, Default()) {
				t.Errorf("an empty %s changed something: %+v", name, got)
			}
			c, err := Load(LoadOptions{
				Environ:  []string{name + "_FILE=/run/secrets/x"},
				ReadFile: files(map[string]string{"/run/secrets/x": value + "\n"}),
			})
			if err != nil || get(c) != value {
				t.Errorf("from %s_FILE: got %v, %v", name, c, err)
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := map[string]string{"config.yaml": "server: {listen: '127.0.0.1:1'}", "/s": "127.0.0.1:4\r\n"}
	tests := []struct {
		name    string
		environ []string
		args    map[string]string
		want    string
	}{
		{"file", nil, nil, "127.0.0.1:1"},
		{"well-known over file", []string{"PARLEY_LISTEN=127.0.0.1:2"}, nil, "127.0.0.1:2"},
		{"path form over well-known", []string{"PARLEY_SERVER__LISTEN=127.0.0.1:3", "PARLEY_LISTEN=127.0.0.1:2"}, nil, "127.0.0.1:3"},
		{"path form from a file", []string{"PARLEY_SERVER__LISTEN_FILE=/s", "PARLEY_LISTEN=127.0.0.1:2"}, nil, "127.0.0.1:4"},
		{"flag over all", []string{"PARLEY_SERVER__LISTEN=127.0.0.1:3"}, map[string]string{"server.listen": "127.0.0.1:5"}, "127.0.0.1:5"},
	}
	for _, tt := range tests {
		c, err := Load(LoadOptions{Environ: tt.environ, Args: tt.args, ReadFile: files(file)})
		if err != nil || c.Server.Listen != tt.want {
			t.Errorf("%s: got %v, %v", tt.name, c, err)
		}
	}
}

func TestListsAndMapsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "platforms: {generic: {sources: [{name: a}, {name: b}]}}",
		"PARLEY_SERVER__TRUSTED_PROXIES=10.0.0.0/8, ::1/128,",
		`PARLEY_AI__MODELS=["x", "y"]`,
		`PARLEY_AI__PERSONAS={"poet": "costs $5"}`,
		"PARLEY_PLATFORMS__GENERIC__SOURCES__1__SECRET="+goodSecret,
		"PARLEY_PLATFORMS__GENERIC__SOURCES__2__NAME=c",
		"PARLEY_SCHEDULER__CLEANUP=",
	)
	if want := []string{"10.0.0.0/8", "::1/128"}; !slices.Equal(c.Server.TrustedProxies, want) {
		t.Errorf("got %v", c.Server.TrustedProxies)
	}
	if !slices.Equal(c.AI.Models, []string{"x", "y"}) || c.AI.Personas["poet"] != "costs $5" || c.Scheduler.Cleanup != "" {
		t.Errorf("got %+v", c)
	}
	if want := []Source{{Name: "a"}, {Name: "b", Secret: goodSecret}, {Name: "c"}}; !slices.Equal(c.Sources(), want) {
		t.Errorf("got %+v", c.Sources())
	}
}

func TestGenericNamesMeanOneSource(t *testing.T) {
	t.Parallel()
	secret := "GENERIC_WEBHOOK_SECRET=" + goodSecret
	tests := []struct {
		name, sources string
		environ       []string
		want          []Source
		fault         string
	}{
		{"default", "", nil, []Source{{Name: "generic", Secret: goodSecret}}, ""},
		{"the only one", "[{name: a}]", nil, []Source{{Name: "a", Secret: goodSecret}}, ""},
		{"the one named generic", "[{name: a}, {name: generic}]", nil, []Source{{Name: "a"}, {Name: "generic", Secret: goodSecret}}, ""},
		{"none", "[]", nil, []Source{{Name: "generic", Secret: goodSecret}}, ""},
		{"unclear", "[{name: a}, {name: b}]", nil, nil, "GENERIC_WEBHOOK_SECRET: platforms.generic.sources: does not say which of the 2 sources it is for; set PARLEY_PLATFORMS__GENERIC__SOURCES__0__SECRET instead"},
		{"path form wins", "", []string{`PARLEY_PLATFORMS__GENERIC__SOURCES=[{"name":"x","secret":"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]`}, []Source{{Name: "x", Secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, ""},
	}
	for _, tt := range tests {
		text := ""
		if tt.sources != "" {
			text = "platforms: {generic: {sources: " + tt.sources + "}}"
		}
		c, err := load(t, text, append(tt.environ, secret)...)
		switch {
		case tt.fault != "":
			if err == nil || err.Error() != tt.fault {
				t.Errorf("%s: got %v", tt.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case !slices.Equal(c.Platforms.Generic.Sources, tt.want):
			t.Errorf("%s: got %#v", tt.name, c.Platforms.Generic.Sources)
		}
	}
}

// TestSecretsStayHidden puts a marker into every place for a secret and looks for it in all that comes out.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	const marker = "hunter2hunter2hunter2"
	secrets := []string{
		"PARLEY_ADMIN_TOKEN=" + marker, "SLACK_SIGNING_SECRET=" + marker, "SLACK_BOT_TOKEN=" + marker, "SLACK_APP_TOKEN=" + marker,
		"FEISHU_APP_SECRET=" + marker, "FEISHU_VERIFICATION_TOKEN=" + marker, "FEISHU_ENCRYPT_KEY=" + marker, "OPENAI_API_KEY=" + marker,
		"CONVERSATION_DB_URL=postgresql://u:" + marker + "@h/d?password=" + marker, "OPENAI_BASE_URL=http://u:" + marker + "@h/v1",
	}
	c := mustLoad(t, "", secrets...)
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%v %+v %#v %s %q", c.AI.APIKey, c.Platforms, c.Platforms, c.AI.BaseURL, c.AI.ConversationPersistence.DBURL)
	if strings.Contains(out.String(), marker) {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
	if n := strings.Count(out.String(), "***"); n < len(secrets) {
		t.Errorf("only %d masks:\n%s", n, out.String())
	}
	_, err := load(t, "platforms: {generic: {sources: [{secret: "+marker+", token: "+marker+" x}]}}\nai:\n  api_key: [a, "+marker+"]\n  base_url: ftp://u:"+marker+"@h\n",
		"PARLEY_SERVER__ADMIN_TOKEN=a "+marker, "CONVERSATION_DB_URL=mysql://u:"+marker+"@%zz/x")
	faults, _ := errors.AsType[FaultErrors](err)
	if len(faults) != 6 {
		t.Errorf("want six faults, got %v", err)
	}
	for _, f := range faults {
		if strings.Contains(f.String()+f.Excerpt(), marker) {
			t.Errorf("a fault shows a secret: %s\n%s", f, f.Excerpt())
		}
	}
}

// TestPrintedIsReadable reads back what config print writes.
func TestPrintedIsReadable(t *testing.T) {
	t.Parallel()
	want := Default()
	want.AI.Personas["poet"] = "You rhyme.\nAlways: yes\n"
	want.AI.SystemPrompt = "true"
	want.Commands.Prefix = "#!"
	want.Platforms.Slack.Enabled = Off
	want.Server.BodyLimit = 1500
	want.AI.Models = []string{"a", "openai:b"}
	var out bytes.Buffer
	if err := want.Print(&out); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, out.String()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v from\n%s", got, out.String())
	}
}
