package slack

import (
	"bytes"
	"context"
	_ "embed" // manifest.json
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

//go:embed manifest.json
var manifest []byte

// ManifestOptions say what an app is made as.
type ManifestOptions struct {
	Socket bool   // events come over connections that we open
	Agent  bool   // as one of Slack's agents, which cannot be undone there
	URL    string // of this server, for webhooks; "" = YOUR-HOST
}

const (
	webhook    = "/webhooks/slack"
	agentScope = "assistant:write" // that an agent has besides
)

// Manifest returns what an app is created from, as JSON.
// Source: https://docs.slack.dev/reference/app-manifest
func Manifest(o ManifestOptions) ([]byte, error) {
	var m map[string]any // what is false has to stay, which slack-go's type would leave out
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	features, settings := section(m, "features"), section(m, "settings")
	events := section(settings, "event_subscriptions")
	if o.Socket {
		settings["socket_mode_enabled"] = true
	}
	for _, at := range addresses(features, settings) {
		switch {
		case o.Socket:
			delete(at.in, at.key)
		case o.URL != "":
			at.in[at.key] = strings.TrimRight(o.URL, "/") + webhook
		}
	}
	if o.Agent {
		features["agent_view"] = map[string]any{"agent_description": section(m, "display_information")["description"]}
		scopes := section(section(m, "oauth_config"), "scopes")
		scopes["bot"] = append(scopes["bot"].([]any), agentScope)                                                   //nolint:errcheck,forcetypeassert // our own file, which a test reads
		events["bot_events"] = append(events["bot_events"].([]any), "app_context_changed", "agent_session_stopped") //nolint:errcheck,forcetypeassert // as above
	}
	return json.MarshalIndent(m, "", "  ")
}

// field is one of a section.
type field struct {
	in  map[string]any
	key string
}

// addresses are the fields in which the address of the gateway stands.
func addresses(features, settings map[string]any) []field {
	list := []field{{section(settings, "event_subscriptions"), "request_url"}, {section(settings, "interactivity"), "request_url"}}
	commands, _ := features["slash_commands"].([]any)
	for _, c := range commands {
		if command, ok := c.(map[string]any); ok {
			list = append(list, field{command, "url"})
		}
	}
	return list
}

func section(m map[string]any, name string) map[string]any {
	s, _ := m[name].(map[string]any)
	return s
}

// readManifest reads the file as the type that slack-go has for it.
func readManifest() (*slackgo.Manifest, error) {
	m := &slackgo.Manifest{}
	d := json.NewDecoder(bytes.NewReader(manifest))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	return m, nil
}

// ManifestLink returns the address at which Slack offers to create the app.
// Source: https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests
func ManifestLink(manifest []byte) string {
	var small bytes.Buffer
	if json.Compact(&small, manifest) != nil {
		return "https://api.slack.com/apps?new_app=1"
	}
	return "https://api.slack.com/apps?new_app=1&manifest_json=" + url.QueryEscape(small.String())
}

// Created is an app that Slack has made of a manifest.
type Created struct {
	AppID         string
	SigningSecret string
	InstallURL    string // where it is installed in the workspace
}

// Create has Slack create the app, with a configuration token.
// Source: https://docs.slack.dev/reference/methods/apps.manifest.create
func (a *Adapter) Create(ctx context.Context, manifest []byte, token string) (Created, error) {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	x := a.exchange(methodScope("", "apps.manifest.create"))
	r, err := a.client(x).CreateManifestRawContext(ctx, manifest, token)
	if err != nil {
		return Created{}, x.classify(err)
	}
	secret := ""
	if r.Credentials != nil {
		secret = r.Credentials.SigningSecret
	}
	return Created{AppID: r.AppId, SigningSecret: secret, InstallURL: r.OAuthAuthorizeUrl}, nil
}

// missingScopes returns what the manifest asks for and the token does not have, as
// far as Slack has said.
func missingScopes(granted string, agent bool) []string {
	m, err := readManifest()
	if granted == "" || err != nil {
		return nil
	}
	have := strings.Split(strings.ReplaceAll(granted, " ", ""), ",")
	wanted := slices.Clone(m.OAuthConfig.Scopes.Bot)
	if agent {
		wanted = append(wanted, agentScope)
	}
	return slices.DeleteFunc(wanted, func(scope string) bool { return slices.Contains(have, scope) })
}

// scopes says what is missing. Without chat:write nothing is answered.
func (a *Adapter) scopes(c *platforms.Checkup) {
	granted := a.granted.Load()
	if granted == nil {
		return
	}
	missing := missingScopes(*granted, a.agent)
	if len(missing) == 0 {
		return
	}
	advice := platforms.Advice{
		Problem: "the token lacks the scopes " + strings.Join(missing, ", "),
		Remedy:  "add them on OAuth & Permissions (or paste the manifest of: parley slack manifest), and install the app again",
	}
	if slices.Contains(missing, "chat:write") {
		c.Faults = append(c.Faults, advice)
		return
	}
	c.Doubts = append(c.Doubts, advice)
}
