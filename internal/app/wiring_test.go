package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/dynamo"
	"github.com/parley-bot/parley/platforms"
)

// configured is what a file says, with a data folder of the test's own and a port
// that the kernel chooses.
func configured(t *testing.T, file string) *config.Config {
	t.Helper()
	cfg, err := config.Load(config.LoadOptions{
		Path: "config.yaml",
		ReadFile: func(name string) ([]byte, error) {
			if name == "config.yaml" {
				return []byte(file), nil
			}
			return nil, fs.ErrNotExist
		},
		Args: map[string]string{"server.listen": "127.0.0.1:0", "ai.conversation_persistence.data_dir": t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestPlatformsThatAreOn says for each configuration who sends, what receives
// webhooks, what is known and off, what programs there are, and what listens.
func TestPlatformsThatAreOn(t *testing.T) {
	t.Parallel()
	const slackKeys, feishuKeys = "signing_secret: s, bot_token: xoxb-1", "app_id: cli_1, app_secret: a"
	for _, tt := range []struct{ name, file, send, receive, off, programs, listen, settle string }{
		{name: "nothing", send: "generic web", off: "feishu slack", programs: "generic"},
		{name: "Slack's challenge", file: "platforms: {slack: {signing_secret: s}}", send: "generic web", receive: "slack", off: "feishu", programs: "generic", settle: "slack"},
		{name: "Slack", file: "platforms: {slack: {" + slackKeys + "}}", send: "generic slack web", receive: "slack", off: "feishu", programs: "generic", settle: "slack"},
		{name: "Slack off", file: "platforms: {slack: {enabled: false, " + slackKeys + "}}", send: "generic web", off: "feishu slack", programs: "generic"},
		{
			name: "Slack without an address", file: "platforms: {slack: {app_token: xapp-1, bot_token: xoxb-1}}",
			send: "generic slack web", receive: "slack", off: "feishu", programs: "generic", listen: "slack=socket", settle: "slack",
		},
		{
			name: "two Slack apps", file: "platforms: {slack: {" + slackKeys + ", apps: [{name: two, app_token: xapp-2, bot_token: xoxb-2}]}}",
			send: "generic slack slack.two web", receive: "slack slack.two", off: "feishu", programs: "generic", listen: "slack.two=socket", settle: "slack slack.two",
		},
		{
			name: "the second Slack app alone", file: "platforms: {slack: {apps: [{name: two, signing_secret: s, bot_token: xoxb-2}]}}",
			send: "generic slack.two web", receive: "slack.two", off: "feishu slack", programs: "generic", settle: "slack.two",
		},
		{name: "Feishu", file: "platforms: {feishu: {" + feishuKeys + ", encrypt_key: k}}", send: "feishu generic web", receive: "feishu", off: "slack", programs: "generic"},
		{name: "Feishu without an address", file: "platforms: {feishu: {" + feishuKeys + "}}", send: "feishu generic web", receive: "feishu", off: "slack", programs: "generic", listen: "feishu=websocket"},
		{name: "programs", file: "platforms: {generic: {sources: [{name: shop}, {name: desk}]}}", send: "desk shop web", off: "feishu slack", programs: "desk shop"},
		{name: "no programs", file: "platforms: {generic: {enabled: false}}", send: "web", off: "feishu slack"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := newPlatforms(registry(), configured(t, tt.file), sendTimeout, quiet())
			if err != nil {
				t.Fatal(err)
			}
			var receive, off, listen []string
			for name, r := range set.receivers() {
				if r == nil {
					off = append(off, name)
				} else {
					receive = append(receive, name)
				}
			}
			for _, a := range set.apps {
				if a.source != nil {
					listen = append(listen, a.name+"="+a.mode)
				}
			}
			for what, is := range map[string][2]string{
				"send":     {words(set.names()), tt.send},
				"receive":  {words(receive), tt.receive},
				"off":      {words(off), tt.off},
				"programs": {words(slices.Collect(maps.Keys(set.sources()))), tt.programs},
				"listen":   {words(listen), tt.listen},
				"settle":   {words(slices.Collect(maps.Keys(set.settle(0)))), tt.settle},
			} {
				if is[0] != is[1] {
					t.Errorf("%s: %q, want %q", what, is[0], is[1])
				}
			}
			for name, wait := range set.settle(time.Hour) {
				if wait != time.Hour || set.settle(0)[name] <= sendTimeout-time.Minute {
					t.Errorf("the sends of %s settle in %v", name, wait)
				}
			}
		})
	}
}

func words(list []string) string { return strings.Join(slices.Sorted(slices.Values(list)), " ") }

// Every app that is on can be asked how it is, and what is off is named.
func TestChecks(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"": "slack off, feishu off",
		"platforms: {slack: {signing_secret: s, bot_token: xoxb-1, apps: [{name: two, signing_secret: s, bot_token: xoxb-2}]}}": "slack, slack.two, feishu off",
		"platforms: {slack: {apps: [{name: two, signing_secret: s, bot_token: xoxb-2}]}}":                                       "slack.two, slack off, feishu off",
	} {
		var got []string
		for _, c := range Checks(configured(t, file), quiet()) {
			name := c.Platform
			if c.Checker == nil {
				name += " off"
			}
			got = append(got, name)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s\n%q, want %q", file, got, want)
		}
	}
}

// asked is a platform that is asked about itself, and where to connect to.
type asked struct {
	platforms.Source

	probe error
}

func (asked) Check(context.Context) platforms.Checkup {
	return platforms.Checkup{Bot: "parley in Acme"}
}

func (a asked) Probe(context.Context) error { return a.probe }

// Where events come over a connection, a refusal of that is a fault of the app.
func TestCheckAsksForTheConnection(t *testing.T) {
	t.Parallel()
	refused := failure.New(failure.Permanent, "not_allowed", "the token is revoked", nil)
	for _, tt := range []struct {
		source platforms.Source
		want   string
	}{
		{nil, ""},
		{asked{}, ""},
		{asked{probe: refused}, "no connection for events: the token is revoked"},
	} {
		is := probing{asked{}, tt.source}.Check(t.Context())
		problem := ""
		for _, f := range is.Faults {
			problem += f.Problem
			if !errors.Is(f.Err, refused) || f.Remedy == "" {
				t.Errorf("%+v", f)
			}
		}
		if problem != tt.want || is.Bot == "" {
			t.Errorf("%+v, want %q", is, tt.want)
		}
	}
}

// TestCore says what is opened for each configuration.
func TestCore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		model      string // that answers; "" = the AI is off
		inMemory   bool
		tools      bool
		dynamo     bool
	}{
		{name: "nothing", model: "echo"},
		{name: "a key", file: "ai: {api_key: k}", model: "openai:gpt-4o-mini"},
		{name: "an address", file: "ai: {model: 'openai:llama', base_url: 'http://127.0.0.1:9/v1'}", model: "openai:llama"},
		{name: "another provider", file: "ai: {model: 'ollama:llama', providers: {ollama: {}}}", model: "ollama:llama"},
		{name: "a model without its key", file: "ai: {model: 'openai:gpt-4o'}", model: "echo"},
		{name: "commands only", file: "ai: {enabled: false, api_key: k}"},
		{name: "in memory", file: "ai: {conversation_persistence: {enabled: false}}", model: "echo", inMemory: true},
		{name: "tools", file: "ai: {api_key: k, tools: {mcp: {desk: {url: 'http://127.0.0.1:9/mcp'}}}}", model: "openai:gpt-4o-mini", tools: true},
		{name: "no rounds for tools", file: "ai: {api_key: k, tools: {max_rounds: 0, mcp: {desk: {url: 'http://127.0.0.1:9/mcp'}}}}", model: "openai:gpt-4o-mini"},
		{name: "tools without a model", file: "ai: {enabled: false, tools: {mcp: {desk: {url: 'http://127.0.0.1:9/mcp'}}}}"},
		{name: "DynamoDB", file: "memory: {backend: dynamodb, dynamodb: {region: eu-west-1, endpoint: 'http://127.0.0.1:9'}}", model: "echo", dynamo: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := newCore(t.Context(), configured(t, tt.file), quiet(), purpose{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := errors.Join(c.close(), c.close()); err != nil {
					t.Error(err)
				}
			}()
			model := ""
			if c.assistant != nil {
				model = c.assistant.Chosen(t.Context(), "")
			}
			if model != tt.model {
				t.Errorf("%q answers, want %q", model, tt.model)
			}
			if c.db.Target.Memory() != tt.inMemory {
				t.Errorf("in memory: %v", c.db.Target.Memory())
			}
			if c.tools != nil != tt.tools {
				t.Errorf("tools: %v", c.tools)
			}
			_, sql := c.memory.(*memory.Store)
			_, far := c.memory.(*dynamo.Store)
			if sql == tt.dynamo || far != tt.dynamo {
				t.Errorf("preferences are kept in %T", c.memory)
			}
			if err := c.ready(t.Context()); err != nil {
				t.Errorf("not ready: %v", err)
			}
		})
	}
}

// Without leave to migrate, a database of another version is refused, and one
// in memory, which nobody else can migrate, is not.
func TestMigrateIsSwitchedOff(t *testing.T) {
	t.Parallel()
	for file, works := range map[string]bool{
		"ai: {conversation_persistence: {migrate: false}}":                 false,
		"ai: {conversation_persistence: {migrate: false, enabled: false}}": true,
	} {
		c, err := newCore(t.Context(), configured(t, file), quiet(), purpose{})
		if err == nil != works {
			t.Errorf("%s: %v", file, err)
		}
		if err == nil {
			err = c.close()
		}
		if works && err != nil {
			t.Error(err)
		}
	}
}

// Of one file there is one server. What could not start leaves nothing behind
// that keeps the next one from starting.
func TestOneServerOfAFile(t *testing.T) {
	t.Parallel()
	cfg := configured(t, "server: {operations_listen: '127.0.0.1:0'}")
	first, err := New(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if first.Addr() == first.OperationsAddr() || first.OperationsAddr() == "" {
		t.Errorf("it listens on %q and for operators on %q", first.Addr(), first.OperationsAddr())
	}
	if second, err := New(t.Context(), cfg, Options{}); err == nil || second != nil {
		t.Error("a second server uses the same file")
	}
	taken := *cfg
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	busy, err := New(t.Context(), configured(t, ""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken.Server.Listen = busy.Addr()
	if _, err := New(t.Context(), &taken, Options{}); err == nil {
		t.Error("two servers listen on one port")
	}
	third, err := New(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatalf("after one that could not start: %v", err)
	}
	if err := third.Close(); err != nil {
		t.Error(err)
	}
}

// The sender of a platform that is configured no more holds the reply back: it
// may come back.
func TestPlatformThatIsGone(t *testing.T) {
	t.Parallel()
	g := gone{"slack"}
	if parts := g.Split("a|b"); len(parts) != 1 {
		t.Errorf("%q", parts)
	}
	_, sending := g.Send(t.Context(), platforms.Address{}, platforms.Part{})
	_, _, looking := g.Find(t.Context(), platforms.Address{}, platforms.Part{}, time.Now())
	for _, err := range []error{sending, looking} {
		if failure.KindOf(err) != failure.Retry || failure.CodeOf(err) != "platform_off" || !strings.Contains(fmt.Sprint(err), "slack") {
			t.Errorf("%v", err)
		}
	}
	if !(silent{}).Silent() {
		t.Error("who waits here is sent something")
	}
}
