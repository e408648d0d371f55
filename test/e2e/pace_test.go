package e2e_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
)

// Case 16, on Feishu: many people mention the bot in one group at once. Everybody
// gets a reply, at the pace that a group allows, and no call is refused.
func TestCase16ManyMentionsInOneFeishuGroup(t *testing.T) {
	t.Parallel()
	people, patient, refused := 20, 3.0, 2 // a loaded machine is slow, and calls that left in time may arrive together
	if os.Getenv("PARLEY_PACE") != "" {
		people, patient, refused = 60, 1.1, 0
	}
	w := newWorld(t)
	w.feishu.EnforceLimits()
	s := w.start(t)
	began := time.Now()
	for i := range people {
		id := fmt.Sprintf("om_%d", i)
		w.feishu.Know(id, "oc_group")
		a := s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{
			AppID: feishuApp, Token: feishuToken, MessageID: id, ChatID: "oc_group", ChatType: "group", Sender: fmt.Sprintf("ou_%d", i),
			Text: fmt.Sprintf("@_user_1 question %d", i), Mentions: []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_bot", Name: "Parley", Type: "bot"}},
		}))
		if a.status != 200 {
			t.Fatalf("answered %d", a.status)
		}
	}
	shown, err := w.feishu.WaitMessages(patience(t), people)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range shown {
		seen[m.ReplyTo] = true
	}
	if len(shown) != people || len(seen) != people {
		t.Errorf("%d replies to %d of %d messages", len(shown), len(seen), people)
	}
	if n := w.feishu.Refused(); n > refused {
		t.Errorf("%d calls were too much", n)
	}
	took, least := time.Since(began), time.Duration(people)*time.Second/5
	t.Logf("%d replies in %v; the limit needs %v", people, took, least)
	if took > time.Duration(patient*float64(least)) {
		t.Errorf("took %s, where the limit needs %s", took, least)
	}
}
