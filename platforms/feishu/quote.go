package feishu

import (
	"context"
	"fmt"
	"strings"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/platforms"
)

var _ platforms.Quoter = (*Adapter)(nil)

// forwarded is the type of a message that holds others, of which its event says
// nothing.
const forwarded = "merge_forward"

// Quoted implements [platforms.Quoter]. A message that was taken back says nothing.
func (a *Adapter) Quoted(ctx context.Context, e platforms.Event) (string, error) {
	items, err := a.readMessage(ctx, e.Quotes)
	if isGone(err) {
		return "", nil
	}
	if err != nil {
		return "", withoutEffect(err)
	}
	var lines []string
	for _, item := range items {
		if text := words(item); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// readMessage returns a message, and behind it those that it forwards.
// https://open.feishu.cn/document/server-docs/im-v1/message/get
func (a *Adapter) readMessage(ctx context.Context, id string) (items []*larkim.Message, err error) {
	_, err = a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		resp, err := a.im.Message.Get(ctx, larkim.NewGetMessageReqBuilder().MessageId(id).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("read a message: %w", err)
		}
		if resp.Data != nil {
			items = resp.Data.Items
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, id: id, final: true}, nil
	})
	return items, err
}

// words returns what a message says, behind the id of who said it where several do.
func words(m *larkim.Message) string {
	if m == nil || m.Body == nil || m.Body.Content == nil || m.Deleted != nil && *m.Deleted {
		return ""
	}
	said, ok := contentOf(nested(*m.Body.Content))
	if !ok {
		return ""
	}
	names := []string{everybody, "@all"}
	for _, x := range m.Mentions {
		if x != nil && x.Key != nil && x.Name != nil {
			names = append([]string{*x.Key, "@" + *x.Name}, names...)
		}
	}
	var b strings.Builder
	for _, p := range said.pieces {
		b.WriteString(p.text)
	}
	text := strings.TrimSpace(strings.NewReplacer(names...).Replace(b.String()))
	if text != "" && m.UpperMessageId != nil && m.Sender != nil && m.Sender.Id != nil {
		return *m.Sender.Id + ": " + text
	}
	return text
}
