package slack_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	vendor "github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/parley-bot/parley/platforms/platformtest"
	"github.com/parley-bot/parley/platforms/slack"
)

// wrapped returns the body of a webhook that brings what is published, and what
// kind that is; "" where it is something else, such as an answer to a call.
func wrapped(object map[string]any) (body []byte, kind string) {
	if payload, ok := object["payload"].(map[string]any); ok && object["envelope_id"] != nil { // over a socket
		object = payload
	}
	name, _ := object["type"].(string)
	if _, inner := slackevents.EventsAPIInnerEventMapping[slackevents.EventsAPIType(name)]; inner {
		return envelope(map[string]any{"type": slackevents.CallbackEvent, "event": object}), "event"
	}
	switch {
	case name == slackevents.CallbackEvent:
		if event, _ := object["event"].(map[string]any); event["type"] == nil { // a broken one, on purpose
			return nil, ""
		}
		return envelope(object), "envelope"
	case name == slackevents.URLVerification, name == slackevents.AppRateLimited:
		return envelope(object), "envelope"
	case slices.Contains(interactions, vendor.InteractionType(name)):
		raw, _ := json.Marshal(object)
		return []byte(url.Values{"payload": {string(raw)}}.Encode()), "interaction"
	}
	return nil, ""
}

// envelope adds what the vendor's tests leave out of an envelope.
func envelope(object map[string]any) []byte {
	whole := map[string]any{"team_id": "T1", "api_app_id": "A1", "event_id": "Ev1", "event_time": now.Unix()}
	maps.Copy(whole, object)
	body, _ := json.Marshal(whole)
	return body
}

var interactions = []vendor.InteractionType{
	vendor.InteractionTypeBlockActions, vendor.InteractionTypeViewSubmission, vendor.InteractionTypeViewClosed,
	vendor.InteractionTypeMessageAction, vendor.InteractionTypeShortcut, vendor.InteractionTypeInteractionMessage,
	vendor.InteractionTypeDialogSubmission, vendor.InteractionTypeBlockSuggestion, vendor.InteractionTypeDialogCancellation,
}

// Whatever the vendor's own client is tested with is taken: it is answered, or kept
// as ignored with a reason.
func TestPublishedPayloads(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, object := range platformtest.Published(t, "github.com/slack-go/slack") {
		body, kind := wrapped(object)
		if seen[kind]++; kind == "" {
			continue
		}
		takes(t, body)
	}
	t.Log(seen)
	if seen["envelope"] < 5 || seen["event"] < 50 || seen["interaction"] < 10 {
		t.Errorf("too few are found: %v", seen)
	}
}

// So is every type of event that it knows, with nothing in it.
func TestEveryTypeOfEvent(t *testing.T) {
	t.Parallel()
	types := slices.Sorted(maps.Keys(slackevents.EventsAPIInnerEventMapping))
	for _, name := range types {
		body, _ := wrapped(map[string]any{"type": string(name)})
		takes(t, body)
	}
	if len(types) < 50 {
		t.Errorf("only %d types", len(types))
	}
}

func takes(t *testing.T, body []byte) {
	t.Helper()
	in, err := newAdapter(t, slack.Options{SigningSecret: secret}).Receive(t.Context(), signed(body))
	if err != nil {
		t.Errorf("%.300s\n%v", body, err)
	}
	for i := range in.Events {
		e := &in.Events[i]
		if err := e.Validate(); err != nil {
			t.Errorf("%.300s\n%v", body, err)
		}
		if e.Ignore == "" && strings.TrimSpace(e.Text) == "" && len(e.Files) == 0 && e.Page == "" && e.Press == nil {
			t.Errorf("%.300s\nis to be answered, and says nothing: %+v", body, e)
		}
	}
}
