package slack

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"
)

// Whatever the manifest is printed for, it is what slack-go's type knows, field by field.
func TestManifestIsWhatSlackKnows(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ManifestOptions{
		"http": {}, "url": {URL: "https://chat.example.com/"}, "socket": {Socket: true}, "agent": {Agent: true, Socket: true},
	} {
		text, err := Manifest(o)
		if err != nil {
			t.Fatal(err)
		}
		var m slackgo.Manifest
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := map[string]string{"http": "https://YOUR-HOST/webhooks/slack", "url": "https://chat.example.com/webhooks/slack"}[name]
		if m.Features.SlashCommands[0].Url != want || m.Settings.EventSubscriptions.RequestUrl != want || m.Settings.Interactivity.RequestUrl != want ||
			m.Settings.SocketModeEnabled != o.Socket || (m.Features.AgentView != nil) != o.Agent {
			t.Errorf("%s: %s", name, text)
		}
		if o.Agent != slices.Contains(m.OAuthConfig.Scopes.Bot, "assistant:write") || !strings.Contains(string(text), `"messages_tab_read_only_enabled": false`) {
			t.Errorf("%s: %s", name, text)
		}
		link, err := url.Parse(ManifestLink(text))
		if err != nil || link.Host != "api.slack.com" || link.Query().Get("new_app") != "1" || !json.Valid([]byte(link.Query().Get("manifest_json"))) {
			t.Errorf("%s: %v, %v", name, link, err)
		}
	}
}

func TestMissingScopes(t *testing.T) {
	t.Parallel()
	if got := missingScopes("app_mentions:read, chat:write,files:read,files:write,reactions:write,commands,im:history,mpim:history,users:read", false); strings.Join(got, " ") != "channels:history groups:history" {
		t.Errorf("%v", got)
	}
	if got := missingScopes("", true); got != nil {
		t.Errorf("nothing said: %v", got)
	}
}

// The gateway's address stands with every command, however many there are.
func TestAddressesOfAManifest(t *testing.T) {
	t.Parallel()
	first, second := map[string]any{"command": "/parley"}, map[string]any{"command": "/todo"}
	list := addresses(map[string]any{"slash_commands": []any{first, second}}, map[string]any{})
	for _, f := range list[2:] {
		f.in[f.key] = "https://chat.example.com"
	}
	if len(list) != 4 || first["url"] == nil || second["url"] == nil {
		t.Errorf("%v, %v of %d", first, second, len(list))
	}
	if list := addresses(map[string]any{}, map[string]any{}); len(list) != 2 {
		t.Errorf("without commands: %v", list)
	}
}
