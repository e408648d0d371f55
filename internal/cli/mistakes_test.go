package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/cli"
)

// refusing answers as platforms and models do that know neither token nor key.
func refusing(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch {
		case strings.HasSuffix(r.URL.Path, "/auth.test") && (r.Header.Get("Authorization") == "Bearer xoxb-scopes" || r.FormValue("token") == "xoxb-scopes"):
			w.Header().Set("X-OAuth-Scopes", "commands")
			_, _ = w.Write([]byte(`{"ok":true,"user_id":"U1","bot_id":"B1","team":"Acme","team_id":"T1"}`))
		case strings.HasSuffix(r.URL.Path, "/auth.test"):
			_, _ = w.Write([]byte(`{"ok":false,"error":"invalid_auth"}`))
		case strings.HasSuffix(r.URL.Path, "/tenant_access_token/internal"):
			_, _ = w.Write([]byte(`{"code":10014,"msg":"app secret invalid"}`))
		default:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"code":"invalid_api_key","message":"no such key"}}`))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// What goes wrong on the first day is named, with its cause and its remedy, by
// doctor, and with its cause in the log of serve.
func TestFirstDayMistakes(t *testing.T) {
	t.Parallel()
	fake := refusing(t)
	for name, tt := range map[string]struct {
		environ string // NAME=value, separated by blanks
		check   string
		cause   string // said by both
		remedy  string // said by doctor
	}{
		"slack secrets swapped":       {"SLACK_SIGNING_SECRET=xoxb-1 SLACK_BOT_TOKEN=8f742231b10e8888abcd99000000abcd", "config", "signing_secret holds a bot token", "Signing Secret from Basic Information"},
		"slack user token":            {"SLACK_SIGNING_SECRET=s SLACK_BOT_TOKEN=xoxp-1", "config", "bot_token holds a user token", "OAuth & Permissions"},
		"slack app token as bot's":    {"SLACK_SIGNING_SECRET=s SLACK_BOT_TOKEN=xapp-1", "config", "bot_token holds an app-level token", "OAuth & Permissions"},
		"slack bot token as app's":    {"SLACK_BOT_TOKEN=xoxb-1 SLACK_APP_TOKEN=xoxb-2", "config", "app_token is not an app-level token", "connections:write"},
		"slack signing secret alone":  {"SLACK_SIGNING_SECRET=s", "config", "off, except for the URL verification challenge", "bot_token"},
		"slack bot token alone":       {"SLACK_BOT_TOKEN=xoxb-1", "config", "neither platforms.slack.app_token nor signing_secret is set", "set app_token"},
		"slack app token alone":       {"SLACK_APP_TOKEN=xapp-1", "config", "bot_token is missing", "set it"},
		"slack token refused":         {"SLACK_SIGNING_SECRET=s SLACK_BOT_TOKEN=xoxb-1", "slack", "invalid_auth", "check bot_token"},
		"slack scopes missing":        {"SLACK_SIGNING_SECRET=s SLACK_BOT_TOKEN=xoxb-scopes", "slack", "lacks the scopes app_mentions:read, chat:write", "install the app again"},
		"feishu secrets swapped":      {"FEISHU_APP_ID=x FEISHU_APP_SECRET=cli_a1", "config", "app_secret holds an app id", "swap the two"},
		"feishu app id alone":         {"FEISHU_APP_ID=cli_a1", "config", "only one of platforms.feishu.app_id and app_secret is set", "set the other"},
		"feishu keys the same":        {"FEISHU_APP_ID=cli_a1 FEISHU_APP_SECRET=x FEISHU_ENCRYPT_KEY=y FEISHU_VERIFICATION_TOKEN=y", "config", "are the same", "Encryption Strategy"},
		"feishu app secret as key":    {"FEISHU_APP_ID=cli_a1 FEISHU_APP_SECRET=x FEISHU_ENCRYPT_KEY=x", "config", "encrypt_key holds the app secret", "Encryption Strategy"},
		"feishu secret or host wrong": {"FEISHU_APP_ID=cli_a1 FEISHU_APP_SECRET=x FEISHU_ENCRYPT_KEY=k", "feishu", "10014", "https://open.larksuite.com"},
		"a variable misspelt":         {"PARLEY_GATEWAY__WORKER=x", "config", "PARLEY_GATEWAY__WORKER has no effect", "PARLEY_GATEWAY__WORKERS"},
		"memory only":                 {"PARLEY_AI__CONVERSATION_PERSISTENCE__ENABLED=false", "config", "everything is kept in memory", "set it to true"},
		"database parameter":          {"CONVERSATION_DB_URL=mysql://u@h/d?nope=1", "config", "parameter nope: it is unknown", "config check"},
		"model of nobody":             {"PARLEY_AI_MODEL=nobody:x", "config", "unknown provider", "config check"},
		"base URL without scheme":     {"OPENAI_BASE_URL=localhost", "config", "must be an address that starts with http:// or https://", "config check"},
		"a room without admins":       {"PARLEY_AI__CONVERSATION_PERSISTENCE__SCOPE=room", "config", "access.admins is empty", "set access.admins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			environ := append(strings.Fields(tt.environ), "SLACK_API_URL="+fake+"/api/", "FEISHU_BASE_URL="+fake,
				"PARLEY_LISTEN=127.0.0.1:0", "CONVERSATION_DATA_DIR="+filepath.Join(data, "d"))
			out, _ := program(t, environ, time.Minute, "", "doctor", "--json")
			var r struct {
				Checks []struct{ Name, Status, Message, Remedy string }
			}
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err, out)
			}
			named := false
			for _, c := range r.Checks {
				bad := c.Status != "ok" && c.Status != "off"
				if bad != (c.Remedy != "") {
					t.Errorf("%s is %s, and its remedy %q", c.Name, c.Status, c.Remedy)
				}
				named = named || bad && c.Name == tt.check && strings.Contains(c.Message, tt.cause) && strings.Contains(c.Message+c.Remedy, tt.remedy)
			}
			if !named {
				t.Errorf("doctor does not name it: %s", out)
			}
			if _, log := program(t, environ, 10*time.Second, tt.cause, "serve"); !strings.Contains(log, tt.cause) {
				t.Errorf("the log does not name it: %s", log)
			}
		})
	}
}

// program runs until it ends, until its log holds a text, or until its time is up.
func program(t *testing.T, environ []string, limit time.Duration, until string, args ...string) (out, log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout bytes.Buffer
	stderr := &watched{until: until, seen: cancel}
	cli.Run(ctx, "test", cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: stderr}, args, environ)
	return stdout.String(), stderr.String()
}
