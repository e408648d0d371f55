package feishu_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/platformtest"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	var count atomic.Int64
	platformtest.TestFetch(t, platformtest.Fetching{
		Fetcher: a,
		Share: func(t *testing.T, name, contentType, content string) platforms.Event {
			t.Helper()
			id := strconv.FormatInt(count.Add(1), 10)
			fake.Attach("om_"+id, "file_"+id, contentType, content)
			return brings(t, "om_"+id, "file", fmt.Sprintf(`{"file_key":"file_%s","file_name":%q}`, id, name))
		},
		Gone: func(e platforms.Event) { fake.Detach(e.ReplyTo.MessageID) },
		Redirect: func(_ platforms.Event, address string) {
			fake.Misbehave(fakefeishu.Resources, fakefeishu.Redirect(address))
		},
		Fail: func(status int) {
			fault := fakefeishu.ServerError()
			if status == http.StatusTooManyRequests {
				fault = fakefeishu.TooManyRequests(1)
			}
			fake.Misbehave(fakefeishu.Resources, fault)
		},
	})
	fake.Attach("om_x", "img_x", "image/png", "pixels")
	picture := brings(t, "om_x", "image", `{"image_key":"img_x"}`)
	fake.Misbehave(fakefeishu.Resources, fakefeishu.ExpireToken())
	if got, err := a.Fetch(t.Context(), picture, picture.Files[0], 100); err != nil || string(got.Body) != "pixels" || got.Type != "image/png" {
		t.Errorf("with a token that is over: %+v, %v", got, err)
	}
	fake.Misbehave(fakefeishu.Resources, fakefeishu.Code(400, 99991672, "Access denied"))
	if _, err := a.Fetch(t.Context(), picture, picture.Files[0], 100); failure.KindOf(err) != failure.Permanent || !strings.Contains(failure.SafeOf(err), "permission") {
		t.Errorf("without the scope: %v", err)
	}
}

// brings is the event of a message of that type.
func brings(t *testing.T, id, kind, content string) platforms.Event {
	t.Helper()
	return receive(t, newAdapter(t), fakefeishu.MessageEvent(fakefeishu.Message{
		MessageID: id, Type: kind, Content: content, AppID: testApp, Token: testToken, At: arrival,
	}))
}

func TestWhatMessagesBring(t *testing.T) {
	t.Parallel()
	image := platforms.File{Name: "image", Type: "image", Ref: "image:img_1"}
	for _, c := range []struct {
		kind, content string
		want          []platforms.File
	}{
		{"image", `{"image_key":"img_1"}`, []platforms.File{image}},
		{"file", `{"file_key":"file_1","file_name":"a.pdf"}`, []platforms.File{{Name: "a.pdf", Ref: "file:file_1"}}},
		{"audio", `{"file_key":"file_1","duration":2000}`, []platforms.File{{Name: "audio", Type: "audio", Ref: "file:file_1"}}},
		{"media", `{"file_key":"file_1","image_key":"img_1","file_name":"a.mp4"}`, []platforms.File{{Name: "a.mp4", Type: "video", Ref: "file:file_1"}}},
		{"sticker", `{"file_key":"file_1"}`, nil},
		{"post", `{"title":"t","content":[[{"tag":"text","text":"look"},{"tag":"img","image_key":"img_1"}]]}`, []platforms.File{image}},
		{"post", `{"zh_cn":{"title":"t","content":[[{"tag":"img","image_key":"img_1"}]]}}`, []platforms.File{image}},
		{"text", `{"text":"hi"}`, nil},
		{"file", `{"file_key":7}`, []platforms.File{{Name: "file", Ref: "file:7"}}},
		{"image", `nonsense`, nil},
	} {
		if got := brings(t, "om_1", c.kind, c.content).Files; !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %+v, want %+v", c.kind, c.content, got, c.want)
		}
	}
}
