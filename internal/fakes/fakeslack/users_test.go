package fakeslack_test

import (
	"net/url"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

func TestUsersInfo(t *testing.T) {
	t.Parallel()
	s := fakeslack.New(t, fakeslack.Options{})
	ask := func(user, locale string) map[string]any {
		return post(t, s, fakeslack.UsersInfo, url.Values{"token": {fakeslack.DefaultToken}, "user": {user}, "include_locale": {locale}})
	}
	if got := ask("U1", "true"); got["error"] != "missing_scope" {
		t.Errorf("without the scope: %v", got)
	}
	s.Grant("chat:write", "users:read")
	s.SetLocale("U1", "zh-CN")
	for _, c := range []struct {
		user, include string
		want          any
	}{{"U1", "true", "zh-CN"}, {"U1", "", nil}, {"U2", "1", "en-US"}} {
		user, _ := ask(c.user, c.include)["user"].(map[string]any)
		if user["id"] != c.user || user["locale"] != c.want {
			t.Errorf("%s: %v, want locale %v", c.user, user, c.want)
		}
	}
}
