package turn_test

import (
	"context"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// chineseChat is a platform that says, when asked, that everybody reads Chinese.
type chineseChat struct {
	chat
	asked []string
}

func (c *chineseChat) Locale(_ context.Context, senderID string) string {
	c.asked = append(c.asked, senderID)
	return "zh-CN"
}

// A platform is asked for a person's locale only where the answer counts.
func TestLocaleIsAskedForWhereItCounts(t *testing.T) {
	t.Parallel()
	const english, chinese = "Usage: /load [key]", "用法：/load [key]"
	for _, c := range []struct {
		name   string
		before string // said first
		text   string
		locale string // what the event itself tells
		want   string
		asked  int
	}{
		{"a command", "", "/load", "", chinese, 1},
		{"a command that does not exist", "", "/nope", "", "未知命令：/nope。发送 /help 查看可用命令。", 1},
		{"an event that tells it", "", "/load", "en-GB", english, 0},
		{"an event that tells another one", "", "/load", "de", english, 0},
		{"a person who has chosen", "/save language en", "/load", "", english, 0},
		{"a person who has chosen what there is not", "/save language Klingon", "/load", "", chinese, 1},
		{"a message for the model", "", "hi", "", "Hello", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db, platform := dbtest.New(t), &chineseChat{}
			b, r, _ := build(t, db, platform, func() (ai.Response, error) { return ai.Response{Text: "Hello"}, nil })
			if c.before != "" {
				first := said("0", c.before)
				first.Locale = "en"
				tell(t, b, r, &platform.chat, first)
			}
			e := said("1", c.text)
			e.Locale = c.locale
			shown := tell(t, b, r, &platform.chat, e)
			if got := shown[len(shown)-1]; got != c.want {
				t.Errorf("answered %q, want %q", got, c.want)
			}
			if len(platform.asked) != c.asked || (c.asked > 0 && platform.asked[0] != "alice") {
				t.Errorf("asked for %q, want %d times for alice", platform.asked, c.asked)
			}
		})
	}
}
