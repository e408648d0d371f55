package feishu_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms/platformtest"
)

// needed are the fields without which nobody could tell who said what where, or
// whether it may be answered.
var needed = []string{
	"", "/header/event_type", "/event", "/event/message", "/event/sender", "/event/sender/sender_id", "/event/sender/sender_type",
	"/event/sender/sender_id/open_id", "/event/message/chat_id", "/event/message/content", "/event/message/content/text", "/event/message/message_type",
	"/event/message/content/content", "/event/message/content/content/*", "/event/message/content/content/*/*", "/event/message/content/content/*/*/text",
	"/event/operator", "/event/operator/open_id", "/event/context", "/event/context/open_chat_id", "/event/action", "/event/action/value", "/event/action/value/text",
}

// proof are the fields by which an event is known to be meant for this app.
var proof = []string{"/header", "/header/event_id", "/header/event_type", "/header/token", "/header/app_id"}

// A thousand events that are not as documented: none fails but for what makes
// it an event of ours at all, each is kept, and none is lost for a field that an
// answer does not need.
func TestMutatedEvents(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	m := fakefeishu.Message{
		AppID: testApp, Token: testToken, At: arrival, Text: "@_user_1 what is new?", ThreadID: "omt_1",
		Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley", Type: "bot"}},
	}
	post := m
	post.Type, post.Content = "post", `{"title":"t","content":[[{"tag":"text","text":"what is new?"}]]}`
	var kinds []any
	for _, body := range [][]byte{
		fakefeishu.MessageEvent(m), fakefeishu.MessageEvent(post), fakefeishu.CardEvent(fakefeishu.Card{Message: m, Value: map[string]any{"text": "again"}}),
	} {
		kinds = append(kinds, opened(t, body))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 1000 {
		changed, path := platformtest.Mutate(rng, kinds[i%len(kinds)])
		raw, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%d, %s: %.400s", i, path, raw)
		in, err := a.Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, raw)))
		if err != nil {
			if k := failure.KindOf(err); k != failure.Invalid && k != failure.Unauthorized || !slices.Contains(proof, path) {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if len(in.Events) != 1 || in.Events[0].Validate() != nil {
			t.Errorf("%s: %d events", what, len(in.Events))
			continue
		}
		e := in.Events[0]
		if tooLong := strings.Contains(e.Ignore, "1 to 255 bytes"); e.Ignore != "" && !tooLong && !slices.Contains(needed, path) {
			t.Errorf("%s: ignored: %s", what, e.Ignore)
		}
		if e.Ignore == "" && e.Text == "" && !e.Mentioned {
			t.Errorf("%s: no text", what)
		}
	}
}

// opened returns a body as JSON, its content as an object and not inside a text,
// so that it can be changed as well.
func opened(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(body, &whole); err != nil {
		t.Fatal(err)
	}
	if message, ok := whole["event"].(map[string]any)["message"].(map[string]any); ok {
		var content any
		if err := json.Unmarshal([]byte(message["content"].(string)), &content); err != nil {
			t.Fatal(err)
		}
		message["content"] = content
	}
	return whole
}
