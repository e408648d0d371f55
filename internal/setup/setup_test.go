package setup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/setup"
)

// person types what they are asked for, in this order, and sees what is written.
type person struct {
	t       *testing.T
	answers [][2]string // what is asked for, and what is typed
	shown   strings.Builder
}

func (p *person) Say(format string, args ...any) { fmt.Fprintf(&p.shown, format+"\n", args...) }

func (p *person) Ask(_ context.Context, what string) (string, error) {
	if len(p.answers) == 0 {
		return "", io.EOF
	}
	next := p.answers[0]
	p.answers = p.answers[1:]
	if next[0] != what {
		p.t.Errorf("asked for %q, want %q", what, next[0])
	}
	return next[1], nil
}

func (p *person) Secret(ctx context.Context, what string) (string, error) { return p.Ask(ctx, what) }

func flow(t *testing.T, name string) setup.Flow {
	t.Helper()
	for _, f := range setup.Flows() {
		if f.Name == name {
			return f
		}
	}
	t.Fatal("there is no flow", name)
	return setup.Flow{}
}

// platform answers as both platforms' registration flows do.
type platform struct {
	*httptest.Server

	manifest map[string]any
	polls    int
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	f := &platform{}
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(v)
	}
	denied := map[string]any{"ok": false, "error": "invalid_auth"}
	token := func(r *http.Request) string {
		if t := r.FormValue("token"); t != "" {
			return t
		}
		return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	mux.HandleFunc("/api/apps.manifest.create", func(w http.ResponseWriter, r *http.Request) {
		if token(r) != "xoxe.good" {
			say(w, denied)
			return
		}
		_ = json.Unmarshal([]byte(r.FormValue("manifest")), &f.manifest)
		say(w, map[string]any{
			"ok": true, "app_id": "A1", "credentials": map[string]any{"signing_secret": "8f742231b10e8888abcd99yyyzzz85a5"},
			"oauth_authorize_url": "https://slack.com/oauth/v2/authorize?x",
		})
	})
	mux.HandleFunc("/api/auth.test", func(w http.ResponseWriter, r *http.Request) {
		if token(r) != "xoxb-good" {
			say(w, denied)
			return
		}
		say(w, map[string]any{"ok": true, "user_id": "U1", "team": "Acme", "team_id": "T1", "bot_id": "B1"})
	})
	mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, r *http.Request) {
		if token(r) != "xapp-good" {
			say(w, denied)
			return
		}
		say(w, map[string]any{"ok": true, "url": "ws://127.0.0.1/link"})
	})
	mux.HandleFunc("/oauth/v1/app/registration", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("action") == "begin" {
			say(w, map[string]any{"device_code": "d", "verification_uri_complete": "https://accounts.feishu.cn/x?user_code=ABCD", "interval": 1, "expire_in": 600})
			return
		}
		if f.polls++; f.polls < 2 {
			say(w, map[string]any{"error": "authorization_pending"})
			return
		}
		say(w, map[string]any{"client_id": "cli_a1", "client_secret": "secret", "user_info": map[string]any{"open_id": "ou_1", "tenant_brand": "feishu"}})
	})
	mux.HandleFunc("/open-apis/auth/v3/tenant_access_token/internal", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"code": 0, "tenant_access_token": "t", "expire": 7200})
	})
	mux.HandleFunc("/open-apis/bot/v3/info", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"code": 0, "bot": map[string]any{"open_id": "ou_bot", "app_name": "Parley"}})
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

// run goes through a flow and returns what was shown and what was kept.
func run(t *testing.T, name string, change func(*setup.Options), answers ...[2]string) (shown string, kept map[string]string, err error) {
	t.Helper()
	p := &person{t: t, answers: answers}
	o := setup.Options{Config: config.Default(), Terminal: p, Logger: slog.New(slog.DiscardHandler)}
	data := t.TempDir()
	o.Config.AI.ConversationPersistence.DataDir = data
	change(&o)
	err = flow(t, name).Run(t.Context(), o)
	if len(p.answers) > 0 {
		t.Errorf("not asked for %v; shown:\n%s", p.answers, p.shown.String())
	}
	kept = map[string]string{}
	entries, _ := os.ReadDir(config.SecretsDir(data))
	for _, e := range entries {
		path := filepath.Join(config.SecretsDir(data), e.Name())
		text, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v %v", path, info.Mode(), err, statErr)
		}
		kept[e.Name()] = strings.TrimSpace(string(text))
	}
	return p.shown.String(), kept, err
}

func wantKept(t *testing.T, got, want map[string]string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

// With a configuration token the app is made; whatever is wrong is named and asked
// for again; nothing secret is shown, and the configuration token is not kept.
func TestSlackBySocket(t *testing.T) {
	t.Parallel()
	f := newPlatform(t)
	shown, kept, err := run(t, "slack", func(o *setup.Options) { o.Config.Platforms.Slack.APIURL = config.URL(f.URL + "/api/") },
		[2]string{"configuration token", "xoxe.bad"}, [2]string{"configuration token", " xoxe.good\n"},
		[2]string{"bot token", ""}, [2]string{"bot token", "xoxb-bad"}, [2]string{"bot token", "xoxb-good"},
		[2]string{"app token", "xapp-bad"}, [2]string{"app token", "xapp-good"})
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, kept, map[string]string{"SLACK_BOT_TOKEN": "xoxb-good", "SLACK_APP_TOKEN": "xapp-good", "PARLEY_PLATFORMS__SLACK__MODE": "socket"})
	if strings.Contains(shown, "xox") && strings.Contains(shown, "-good") || strings.Count(shown, "was not accepted") != 4 {
		t.Errorf("%s", shown)
	}
	lines := strings.Split(strings.TrimSpace(shown), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "Next: run parley serve") {
		t.Errorf("the last line is %q", last)
	}
	settings, _ := f.manifest["settings"].(map[string]any)
	if settings["socket_mode_enabled"] != true {
		t.Errorf("created from %v", f.manifest)
	}
}

// Without one the app is made by an address, and webhooks need the signing secret.
func TestSlackByHTTP(t *testing.T) {
	t.Parallel()
	f := newPlatform(t)
	there := func(o *setup.Options) {
		o.Config.Platforms.Slack.APIURL, o.URL = config.URL(f.URL+"/api/"), "https://chat.example.com"
	}
	shown, kept, err := run(t, "slack", there, [2]string{"configuration token", ""},
		[2]string{"signing secret", "xoxb-good"}, [2]string{"signing secret", "8f742231b10e8888abcd99yyyzzz85a5"}, [2]string{"bot token", "xoxb-good"})
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, kept, map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-good", "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5", "PARLEY_PLATFORMS__SLACK__MODE": "http",
	})
	if !strings.Contains(shown, "https://api.slack.com/apps?new_app=1&manifest_json=") || !strings.Contains(shown, "chat.example.com") {
		t.Errorf("%s", shown)
	}
	_, kept, err = run(t, "slack", there, [2]string{"configuration token", "xoxe.good"}, [2]string{"bot token", "xoxb-good"})
	if err != nil || kept["SLACK_SIGNING_SECRET"] != "8f742231b10e8888abcd99yyyzzz85a5" {
		t.Errorf("%v, %v", kept, err)
	}
	if _, kept, err := run(t, "slack", func(o *setup.Options) { o.Mode = "http" }); err == nil || len(kept) > 0 {
		t.Errorf("http without an address: %v, %v", kept, err)
	}
}

func TestFeishu(t *testing.T) {
	t.Parallel()
	f := newPlatform(t)
	shown, kept, err := run(t, "feishu", func(o *setup.Options) { o.Accounts, o.Config.Platforms.Feishu.BaseURL = f.URL, config.URL(f.URL) })
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, kept, map[string]string{"FEISHU_APP_ID": "cli_a1", "FEISHU_APP_SECRET": "secret", "PARLEY_PLATFORMS__FEISHU__MODE": "websocket"})
	if !strings.Contains(shown, "https://accounts.feishu.cn/x?") || !strings.Contains(shown, "█") || !strings.Contains(shown, "Signed in as Parley") || strings.Contains(shown, "secret\n") {
		t.Errorf("%s", shown)
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	api, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	api.RequireKey("sk-good")
	api.SetModels("small", "large")
	shown, kept, err := run(t, "model", func(*setup.Options) {},
		[2]string{"base URL", "nonsense"}, [2]string{"base URL", "http://127.0.0.1:1"}, [2]string{"base URL", api.URL() + "/"},
		[2]string{"API key", "sk-bad"}, [2]string{"API key", "sk-good"}, [2]string{"model", "huge"}, [2]string{"model", "small"})
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, kept, map[string]string{"OPENAI_BASE_URL": api.URL(), "OPENAI_API_KEY": "sk-good", "PARLEY_AI_MODEL": "openai:small"})
	if strings.Contains(shown, "sk-good") || strings.Count(shown, "was not accepted") != 4 {
		t.Errorf("%s", shown)
	}
}

// A provider is known by its name, and what it offers is named.
func TestModelByName(t *testing.T) {
	t.Parallel()
	shown, _, err := run(t, "model", func(*setup.Options) {}, [2]string{"base URL", "azure"}, [2]string{"base URL", "no-such-provider"})
	if !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"deepseek", "kimi", "https://RESOURCE.openai.azure.com/openai/v1", "must be an address", "Enter a provider's name"} {
		if !strings.Contains(shown, want) {
			t.Errorf("missing %q in %s", want, shown)
		}
	}
	for name, known := range config.KnownProviders() {
		if config.CheckURL(string(known.BaseURL)) != nil || config.CheckURL(known.Docs) != nil {
			t.Errorf("%s: %+v", name, known)
		}
	}
}

func TestSlackAgent(t *testing.T) {
	t.Parallel()
	f := newPlatform(t)
	_, kept, err := run(t, "slack", func(o *setup.Options) { o.Config.Platforms.Slack.APIURL, o.Agent = config.URL(f.URL+"/api/"), true },
		[2]string{"configuration token", "xoxe.good"}, [2]string{"bot token", "xoxb-good"}, [2]string{"app token", "xapp-good"})
	if err != nil || kept["PARLEY_PLATFORMS__SLACK__AGENT"] != "true" {
		t.Errorf("%v, %v", kept, err)
	}
	if features, _ := f.manifest["features"].(map[string]any); features["agent_view"] == nil {
		t.Errorf("created from %v", f.manifest)
	}
}

// Whatever is typed wrong is named with what to do, and asked for again. Doctor
// and the log name the same where they are told it: TestFirstDayMistakes.
func TestWrongValuesAreNamed(t *testing.T) {
	t.Parallel()
	f := newPlatform(t)
	api, err := fakeopenai.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	api.RequireKey("sk-good")
	api.SetModels("small")
	const signing = "8f742231b10e8888abcd99yyyzzz85a5"
	none, bot := [2]string{"configuration token", ""}, [2]string{"bot token", "xoxb-good"}
	base, key := [2]string{"base URL", api.URL()}, [2]string{"API key", "sk-good"}
	public := func(o *setup.Options) { o.URL = "https://chat.example.com" }
	for name, tt := range map[string]struct {
		flow          string
		change        func(*setup.Options)
		answers       [][2]string // the last one is wrong
		cause, remedy string
	}{
		"configuration token refused":  {"slack", nil, [][2]string{{"configuration token", "xoxe.bad"}}, "invalid_auth", "Generate a new one"},
		"no signing secret":            {"slack", public, [][2]string{none, {"signing secret", " "}}, "it is empty", "App Credentials"},
		"bot token as signing secret":  {"slack", public, [][2]string{none, {"signing secret", "xoxb-1"}}, "that is a bot token", "App Credentials"},
		"app token as signing secret":  {"slack", public, [][2]string{none, {"signing secret", "xapp-1"}}, "that is an app-level token", "App Credentials"},
		"no bot token":                 {"slack", nil, [][2]string{none, {"bot token", ""}}, "it is empty", "OAuth & Permissions"},
		"user token as bot token":      {"slack", nil, [][2]string{none, {"bot token", "xoxp-1"}}, "that is a user token", "OAuth & Permissions"},
		"app token as bot token":       {"slack", nil, [][2]string{none, {"bot token", "xapp-1"}}, "that is an app-level token", "OAuth & Permissions"},
		"config token as bot token":    {"slack", nil, [][2]string{none, {"bot token", "xoxe.1"}}, "that is a configuration token", "OAuth & Permissions"},
		"signing secret as bot token":  {"slack", nil, [][2]string{none, {"bot token", signing}}, "invalid_auth", "OAuth & Permissions"},
		"bot token refused":            {"slack", public, [][2]string{none, {"signing secret", signing}, {"bot token", "xoxb-bad"}}, "invalid_auth", "OAuth & Permissions"},
		"no app token":                 {"slack", nil, [][2]string{none, bot, {"app token", ""}}, "it is empty", "connections:write"},
		"bot token as app token":       {"slack", nil, [][2]string{none, bot, {"app token", "xoxb-good"}}, "not an app-level token", "connections:write"},
		"app token refused":            {"slack", nil, [][2]string{none, bot, {"app token", "xapp-bad"}}, "invalid_auth", "connections:write"},
		"base URL without a scheme":    {"model", nil, [][2]string{{"base URL", "localhost"}}, "must be an address", "the base URL of its API"},
		"base URL of nobody":           {"model", nil, [][2]string{{"base URL", "http://127.0.0.1:1"}}, "refused", "the base URL of its API"},
		"bot token as config token":    {"slack", nil, [][2]string{{"configuration token", "xoxb-good"}}, "invalid_auth", "Generate a new one"},
		"base URL of Azure":            {"model", nil, [][2]string{{"base URL", "azure"}}, "RESOURCE.openai.azure.com", "the base URL of its API"},
		"API key refused":              {"model", nil, [][2]string{base, {"API key", "sk-bad"}}, "key", "provider's website"},
		"model of nobody":              {"model", nil, [][2]string{base, key, {"model", "huge"}}, "does not exist", "as the provider writes it"},
		"model with provider's prefix": {"model", nil, [][2]string{base, key, {"model", "deepseek:chat"}}, "does not exist", "as the provider writes it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shown, kept, err := run(t, tt.flow, func(o *setup.Options) {
				o.Config.Platforms.Slack.APIURL = config.URL(f.URL + "/api/")
				if tt.change != nil {
					tt.change(o)
				}
			}, tt.answers...)
			_, after, named := strings.Cut(shown, "The "+tt.answers[len(tt.answers)-1][0]+" was not accepted: ")
			if !errors.Is(err, io.EOF) || len(kept) > 0 || !named || !strings.Contains(after, tt.cause) || !strings.Contains(after, tt.remedy) {
				t.Errorf("want %q and %q: %v, kept %v\n%s", tt.cause, tt.remedy, err, kept, shown)
			}
		})
	}
}

// The guides hold what the program prints, so that nobody pastes something else.
func TestGuidesHoldWhatIsPrinted(t *testing.T) {
	t.Parallel()
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), "") }
	for page, file := range map[string]string{"slack.md": "slack/manifest.json", "feishu.md": "feishu/app.json"} {
		guide, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		printed, err := os.ReadFile("../../platforms/" + file)
		if err != nil {
			t.Fatal(err)
		}
		want := squeeze(string(printed))
		if page == "feishu.md" { // its scopes, for the batch import
			want = want[:strings.Index(want, `"user":[]}`)+len(`"user":[]}`)]
		}
		if !strings.Contains(squeeze(string(guide)), want) {
			t.Errorf("docs/%s does not hold %s", page, want)
		}
	}
}
