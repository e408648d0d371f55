package feishu

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

var _ platforms.Whisperer = (*Adapter)(nil)

// Whispers implements [platforms.Whisperer].
func (a *Adapter) Whispers(to platforms.Address) bool { return to.UserID != "" }

// whisper shows a part in a group to the one person who asked, which Feishu does
// with cards alone, and without a uuid.
// https://open.feishu.cn/document/server-docs/im-v1/message-card/send-message-cards-that-are-only-visible-to-certain-people
func (a *Adapter) whisper(ctx context.Context, to platforms.Address, p platforms.Part) (messageID string, err error) {
	if to.UserID == "" {
		return "", failure.New(failure.Permanent, "no_person", "it is not known who alone is to see the message", nil)
	}
	body := map[string]any{
		"chat_id": to.ChatID, "open_id": to.UserID, "msg_type": "interactive",
		"card": map[string]any{"elements": []any{map[string]any{
			"tag": "div", "text": map[string]string{"tag": "plain_text", "content": withoutMentions(p.Text)},
		}}},
	}
	return a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		resp, err := larkcore.Request(ctx, &larkcore.ApiReq{
			HttpMethod: http.MethodPost, ApiPath: "/open-apis/ephemeral/v1/send", Body: body, // not among the SDK's generated calls
			SupportedAccessTokenTypes: []larkcore.AccessTokenType{larkcore.AccessTokenTypeTenant},
		}, a.config, token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("whisper: %w", err)
		}
		var taken struct {
			Code int    `json:"code"`
			Msg  string `json:"msg"`
			Data struct {
				MessageID string `json:"message_id"`
			} `json:"data"`
		}
		if err := json.Unmarshal(resp.RawBody, &taken); err != nil {
			return outcome{}, fmt.Errorf("whisper: %w", err)
		}
		return outcome{
			status: resp.StatusCode, header: resp.Header, code: taken.Code, msg: taken.Msg, id: taken.Data.MessageID, chat: to.ChatID, final: true,
		}, nil
	})
}
