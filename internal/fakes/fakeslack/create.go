package fakeslack

import (
	"encoding/json"
	"net/http"
)

const (
	// AppsManifestCreate creates an app from a manifest.
	AppsManifestCreate = "apps.manifest.create"
	// ConfigToken is the configuration token that apps are created with.
	ConfigToken = "xoxe.xoxp-fake" //nolint:gosec // of a fake
)

// createApp takes a manifest.
// Source: https://docs.slack.dev/reference/methods/apps.manifest.create
func (s *Server) createApp(w http.ResponseWriter, r *http.Request) {
	args, err := arguments(r)
	fault := s.begin(AppsManifestCreate)
	s.perform(w, r, fault, func() any {
		var manifest map[string]any
		switch {
		case err != nil || args.Get("token") != ConfigToken:
			return refusal("invalid_auth")
		case json.Unmarshal([]byte(args.Get("manifest")), &manifest) != nil:
			return refusal("invalid_manifest")
		}
		return map[string]any{
			"ok": true, "app_id": DefaultAppID, "oauth_authorize_url": s.url + "/oauth/v2/authorize",
			"credentials": map[string]any{"client_id": "1.2", "signing_secret": "8f742231b10e8888abcd99yyyzzz85a5"},
		}
	})
}
