package slack_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

// ofOrganization is an event of an app that an organization has installed for all of
// its workspaces; team is "" where it concerns none of them.
func ofOrganization(t *testing.T, id, team string, event map[string]any) []byte {
	t.Helper()
	var nothing any
	authorization := map[string]any{"enterprise_id": "E1", "team_id": nothing, "user_id": fakeslack.DefaultBotUser, "is_bot": true, "is_enterprise_install": true}
	if team != "" {
		authorization["team_id"] = team
	}
	body, err := json.Marshal(map[string]any{
		"type": "event_callback", "event_id": id, "api_app_id": "A1", "team_id": nothing, "enterprise_id": "E1", "is_enterprise_install": true,
		"authorizations": []any{authorization}, "event": event,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// One token serves all workspaces of an organization: each is a tenant of its own,
// with ids that begin with W, and nobody of the organization is a guest.
func TestOrganizationWideInstall(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	a := newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.APIURL()})
	said := map[string]any{"type": "message", "channel": "D1", "channel_type": "im", "user": "W1", "user_team": "E1", "text": "hi", "ts": ts}
	one, two := received(t, a, ofOrganization(t, "Ev1", "T1", said)), received(t, a, ofOrganization(t, "Ev2", "T2", said))
	for want, e := range map[string]platforms.Event{"T1": one, "T2": two} {
		if e.Tenant != want || e.ReplyTo.Tenant != want || e.SenderID != "W1" || e.Guest != "" || e.Ignore != "" {
			t.Errorf("%s: %+v", want, e)
		}
		if _, err := a.Send(t.Context(), e.ReplyTo, part); err != nil {
			t.Error(err)
		}
	}
	if first, second := a.Limits(one.ReplyTo, platforms.CallEdit), a.Limits(two.ReplyTo, platforms.CallEdit); first[0].Scope == second[0].Scope {
		t.Errorf("both share %s", first[0].Scope)
	}
	system := maps.Clone(said)
	system["user"] = "USLACK"
	if e := received(t, a, ofOrganization(t, "Ev3", "T1", system)); e.Ignore != "message of a bot" {
		t.Errorf("the system: %q", e.Ignore)
	}
}

// An app that leaves the organization is gone from each of its workspaces; one that
// leaves a workspace stays in the others.
func TestOrganizationRemovesTheApp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, team string
		elsewhere  string // code of a send to another workspace
	}{{"app_uninstalled", "", "app_uninstalled"}, {"app_uninstalled_team", "T1", ""}} {
		server := fakeslack.New(t, fakeslack.Options{})
		a := newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.APIURL()})
		received(t, a, ofOrganization(t, "Ev1", tt.team, map[string]any{"type": tt.kind}))
		for workspace, want := range map[string]string{"T1": "app_uninstalled", "T2": tt.elsewhere} {
			if _, err := a.Send(t.Context(), platforms.Address{Tenant: workspace, ChatID: "C1"}, part); (err != nil || want != "") && failure.CodeOf(err) != want {
				t.Errorf("%s: sent to %s: %v", tt.kind, workspace, err)
			}
		}
		received(t, a, ofOrganization(t, "Ev2", "T1", map[string]any{"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "text": "back", "ts": ts}))
		if _, err := a.Send(t.Context(), platforms.Address{Tenant: "T1", ChatID: "C1"}, part); err != nil {
			t.Errorf("%s: installed again: %v", tt.kind, err)
		}
	}
}
