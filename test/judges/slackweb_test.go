package judges_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// Slack's own client of the Web API finds in the fake what it finds in Slack.
func TestSlacksOwnWebClient(t *testing.T) {
	fake := fakeslack.New(t, fakeslack.Options{})
	fake.Grant("chat:write", "channels:history", "reactions:write", "files:write", "users:read", "channels:read", "assistant:write")
	fake.Script(fakeslack.ChatPostEphemeral, fakeslack.RateLimit(30*time.Second))
	lines := client(t, "slackweb.mjs", fake.APIURL(), fakeslack.DefaultToken)
	want := []string{
		"auth: " + fakeslack.DefaultBotUser + " true", "posted: true", "update of a stream: streaming_state_conflict",
		"chunks for text: streaming_mode_mismatch", "name of no session: session_not_found", "session: two", "history: missing_scope",
		"append after the end: message_not_in_streaming_state", "reaction again: already_reacted", "user: name-U1 en-US", "channel: name-c7",
		"limit: slack_webapi_rate_limited_error",
		"thread: root - -, two k1 -, a b k2 completed, from the helper - completed, a.txt - -",
	}
	said := heard(t, lines, len(want))
	for _, line := range want {
		if said[line] != 1 {
			t.Errorf("not heard: %s", line)
		}
		delete(said, line)
	}
	if len(said) > 0 {
		t.Errorf("heard besides: %v", said)
	}
	if fake.Home("U1") != "help" || !slices.Equal(fake.Prompts("D1"), []string{"one"}) || fake.Signs() != 1 {
		t.Errorf("home %q, prompts %q, %d signs", fake.Home("U1"), fake.Prompts("D1"), fake.Signs())
	}
	for _, m := range fake.Messages() {
		if len(m.Files) > 0 && m.Files[0].Content != "content" {
			t.Errorf("uploaded %q", m.Files[0].Content)
		}
	}
}
