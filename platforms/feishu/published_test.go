package feishu_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms/platformtest"
)

const vendor = "github.com/larksuite/oapi-sdk-go/v3"

// takes reports whether the adapter takes what is published, as a request with our token
// and what else the vendor's tests leave out.
func takes(t *testing.T, object map[string]any) {
	t.Helper()
	header := map[string]any{"event_id": "ev1", "tenant_key": "tk", "create_time": "1700000000000"}
	given, _ := object["header"].(map[string]any)
	maps.Copy(header, given)
	header["token"], header["app_id"] = testToken, testApp
	whole := maps.Clone(object)
	whole["schema"], whole["header"] = "2.0", header
	body, _ := json.Marshal(whole)
	in, err := newAdapter(t).Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, body)))
	if err != nil || len(in.Events) != 1 {
		t.Errorf("%.300s\n%d events, %v", body, len(in.Events), err)
	}
	checkInbound(t, in, err)
}

// Whatever the vendor's own client is tested with is taken: it is answered, or kept
// as ignored with a reason.
func TestPublishedPayloads(t *testing.T) {
	t.Parallel()
	events := 0
	for _, object := range platformtest.Published(t, vendor) {
		header, _ := object["header"].(map[string]any)
		if header["event_type"] != nil && object["challenge"] == nil {
			events++
			takes(t, object)
		}
	}
	if events < 4 {
		t.Errorf("only %d are found", events)
	}
}

// So is whatever stands in those tests as the content of a message of any type.
func TestPublishedContents(t *testing.T) {
	t.Parallel()
	types := platformtest.Named(t, vendor, "channel/normalize", regexp.MustCompile(`^(text|post|image|file|folder|audio|media|sticker|interactive|hongbao|share_\w+|system|location|video_chat|todo|vote|merge_forward|calendar|share_calendar_event|general_calendar)$`).MatchString)
	objects := platformtest.Published(t, vendor)
	for _, object := range objects {
		content, _ := json.Marshal(object)
		for _, name := range types {
			body := message(func(m *fakefeishu.Message) { m.Type, m.Content = name, string(content) })
			in, err := newAdapter(t).Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, body)))
			if err != nil {
				t.Errorf("%s: %s: %v", name, content, err)
			}
			checkInbound(t, in, err)
		}
	}
	if len(types) < 10 || len(objects) < 50 {
		t.Errorf("only %d types, %d objects", len(types), len(objects))
	}
	t.Log(types, len(objects))
}

// So is every type of event that it knows, with nothing in it.
func TestEveryTypeOfEvent(t *testing.T) {
	t.Parallel()
	types := platformtest.Named(t, vendor, "event/dispatcher", regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+_v\d$|^card\.[a-z_.]+$`).MatchString)
	for _, name := range types {
		takes(t, map[string]any{"header": map[string]any{"event_type": name}, "event": map[string]any{}})
	}
	if len(types) < 100 {
		t.Errorf("only %d types", len(types))
	}
	t.Log(len(types), "types")
}
