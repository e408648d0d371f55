package slack_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms/platformtest"
	"github.com/parley-bot/parley/platforms/slack"
)

// needed are the fields without which nobody could tell who said what where,
// or whether it may be answered.
var needed = []string{
	"", "/type", "/event_id", "/event", "/event/type", "/event/channel", "/event/user", "/event/text",
	"/channel", "/channel/id", "/container", "/container/channel_id", "/user", "/user/id", "/actions", "/actions/*", "/actions/*/value",
}

// A thousand events that are not as documented: none fails but for what makes
// it an event at all, each is kept, and none is lost for a field that an answer
// does not need.
func TestMutatedEvents(t *testing.T) {
	t.Parallel()
	rich := map[string]any{
		"blocks": []any{map[string]any{"type": "rich_text", "block_id": "b", "elements": []any{map[string]any{
			"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": "what is new?", "style": map[string]any{"bold": true}}},
		}}}},
		"files":         []any{map[string]any{"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 7}},
		"attachments":   []any{map[string]any{"is_share": true, "text": "quoted", "fields": []any{map[string]any{"title": "a", "value": "b"}}}},
		"client_msg_id": "c-1", "team": "T1",
	}
	a := newAdapter(t, slack.Options{SigningSecret: secret})
	var message, press map[string]any
	decodeInto(t, fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "what is new?", ThreadTS: ts, More: rich}), &message)
	form, _ := url.ParseQuery(string(action(map[string]any{"container": map[string]any{"message_ts": ts, "channel_id": "C1"}})))
	decodeInto(t, []byte(form.Get("payload")), &press)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 1000 {
		whole := message
		if i%4 == 3 {
			whole = press
		}
		changed, path := platformtest.Mutate(rng, whole)
		raw, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		body := raw
		if i%4 == 3 {
			body = fakeslack.Interaction(changed.(map[string]any))
		}
		what := fmt.Sprintf("%d, %s: %.300s", i, path, raw)
		in, err := a.Receive(t.Context(), signed(body))
		if err != nil {
			if failure.KindOf(err) != failure.Invalid || path != "/type" && path != "/event_id" {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if len(in.Events) != 1 || in.Events[0].Validate() != nil {
			t.Errorf("%s: %d events", what, len(in.Events))
			continue
		}
		e := in.Events[0]
		tooLong := strings.Contains(e.Ignore, "1 to 255 bytes")
		if e.Ignore != "" && !tooLong && !slices.Contains(needed, path) {
			t.Errorf("%s: ignored: %s", what, e.Ignore)
		}
		if e.Ignore == "" && path != "/event/text" && e.Text == "" {
			t.Errorf("%s: no text", what)
		}
	}
}

func decodeInto(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}
