package platforms_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/parley-bot/parley/platforms"
)

// What the version before has stored is answered in the same place, and seen
// there by the same people.
func TestFormerAddress(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]platforms.Address{
		`{"chat_id":"C","user_id":"U","response_url":"https://x.test"}`: {
			ChatID: "C", UserID: "U", Private: true, Extra: map[string]string{"response_url": "https://x.test"},
		},
		`{"tenant":"T","chat_id":"C","thread_id":"1","message_id":"2","spare_url":"https://x.test"}`: {
			Tenant: "T", ChatID: "C", ThreadID: "1", MessageID: "2", Extra: map[string]string{"spare_url": "https://x.test"},
		},
		`{"chat_id":"C","thread_id":"1","in_thread":true,"user_key":"feishu:group:U"}`: {
			ChatID: "C", ThreadID: "1", UserKey: "feishu:group:U",
		},
		`{"chat_id":"C","private":true}`: {ChatID: "C", Private: true},
	} {
		var got platforms.Address
		if err := json.Unmarshal([]byte(stored), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %+v: %v", stored, got, err)
		}
	}
}

// What this version stores is private to the version before, too.
func TestAddressForTheVersionBefore(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(platforms.Address{ChatID: "C", Private: true, Extra: map[string]string{"response_url": "https://x.test"}})
	if want := `{"chat_id":"C","private":true,"response_url":"https://x.test"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}
