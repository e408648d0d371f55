package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// An app that its platform takes away while a reply is made ends that reply's
// event with the reason, and operators see it.
func TestAppsThatAreTakenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.openai.Hold()
	defer release()
	s := w.start(t)
	m := fakefeishu.Message{AppID: feishuApp, Token: feishuToken, EventID: "ev_q", Text: "hi"}
	s.feishuEvent(fakefeishu.MessageEvent(m))
	s.slackOK(fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi"}))
	if _, err := w.openai.WaitCalls(patience(t), 2); err != nil {
		t.Fatal(err)
	}
	m.EventID = "ev_off"
	s.feishuEvent(fakefeishu.AppStatusEvent(m, "stop_by_tenant"))
	s.slackOK(fakeslack.EventCallback(fakeslack.Event{EventID: "EvOff"}, map[string]any{"type": "app_uninstalled"}))
	release()
	s.settled(t)
	ended := map[string]string{}
	for _, item := range s.admin(http.MethodGet, "events?status=dead").json(t)["items"].([]any) {
		e := item.(map[string]any)
		ended[e["platform"].(string)] = e["error"].(string)
	}
	if !strings.HasPrefix(ended["feishu"], "app_stop_by_tenant: ") || !strings.HasPrefix(ended["slack"], "app_uninstalled: ") || len(w.shown()) > 0 {
		t.Errorf("ended %v, shown %q", ended, w.shown())
	}
	var ready struct {
		Status  string
		Removed []struct{ Platform, Tenant, Reason string }
	}
	a := s.request(http.MethodGet, "/readyz", "", "Authorization", "Bearer "+adminToken)
	err := json.Unmarshal([]byte(a.body), &ready)
	if err != nil || ready.Status != "ready" || len(ready.Removed) != 2 || ready.Removed[0].Platform == ready.Removed[1].Platform {
		t.Errorf("%v: %s", err, a.body)
	}
	text := s.request(http.MethodGet, "/metrics", "", "Authorization", "Bearer "+adminToken).body
	for _, platform := range []string{"slack", "feishu"} {
		if !strings.Contains(text, `parley_apps_removed{platform="`+platform+`"} 1`) {
			t.Errorf("no metric of %s", platform)
		}
	}
}
