package feishu

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// uuidWindow is how long a repeat under the same uuid is trusted to have no
// second effect: Feishu says one hour, the rest is for the repeat's own way.
const uuidWindow = 55 * time.Minute

// Send shows one part as a text message or a file: an answer to the message it
// is about, inside its topic when it stands in one, or a new message in the
// chat when there is nothing to answer or the message was recalled. The part's
// key goes along as Feishu's uuid.
func (a *Adapter) Send(ctx context.Context, to platforms.Address, p platforms.Part) (messageID string, err error) {
	m := outgoing{key: p.Key, kind: larkim.MsgTypeText, content: textContent(p.Text)}
	if p.File != "" {
		m.kind = larkim.MsgTypeFile
		if m.content, err = a.upload(ctx, p); err != nil {
			return "", err
		}
	}
	if messageID, err = a.show(ctx, to, m); err != nil {
		return "", err
	}
	a.learn(ctx)
	return messageID, nil
}

// outgoing is a message as Feishu takes it.
type outgoing struct {
	key     string // the uuid
	kind    string // msg_type
	content string // JSON
}

func (a *Adapter) show(ctx context.Context, to platforms.Address, m outgoing) (messageID string, err error) {
	if to.MessageID == "" && to.ChatID == "" {
		return "", failure.New(failure.Permanent, "no_address", "there is neither a message nor a chat to answer", nil)
	}
	if to.MessageID == "" {
		return a.create(ctx, to.ChatID, m)
	}
	messageID, err = a.reply(ctx, to, m)
	if isGone(err) && to.ChatID != "" {
		return a.create(ctx, to.ChatID, m)
	}
	return messageID, err
}

// Find cannot look a message up by its uuid. It does not have to while Feishu
// still knows the uuid: a repeat shows the part if it is missing and nothing if
// it is there. Beyond that nobody can tell. since must be the time of the first
// attempt, not of the latest.
func (a *Adapter) Find(_ context.Context, _ platforms.Address, p platforms.Part, since time.Time) (f platforms.Finding, messageID string, err error) {
	age := a.opts.Now().Sub(since)
	if p.Key == "" || age >= uuidWindow || age <= -maxAhead {
		return platforms.Unknowable, "", nil
	}
	return platforms.Missing, "", nil
}

// reply answers a message.
// https://open.feishu.cn/document/server-docs/im-v1/message/reply
func (a *Adapter) reply(ctx context.Context, to platforms.Address, m outgoing) (string, error) {
	body := larkim.NewReplyMessageReqBodyBuilder().MsgType(m.kind).Content(m.content).Uuid(m.key)
	if to.ThreadID != "" {
		body.ReplyInThread(true)
	}
	return a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		req := larkim.NewReplyMessageReqBuilder().MessageId(to.MessageID).Body(body.Build()).Build()
		resp, err := a.im.Message.Reply(ctx, req, token)
		if err != nil {
			return outcome{}, fmt.Errorf("reply: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg}
		if resp.Data != nil && resp.Data.MessageId != nil {
			o.id = *resp.Data.MessageId
		}
		return o, nil
	})
}

// create writes into a chat.
// https://open.feishu.cn/document/server-docs/im-v1/message/create
func (a *Adapter) create(ctx context.Context, chatID string, m outgoing) (string, error) {
	body := larkim.NewCreateMessageReqBodyBuilder().ReceiveId(chatID).MsgType(m.kind).Content(m.content).Uuid(m.key)
	return a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		req := larkim.NewCreateMessageReqBuilder().ReceiveIdType(larkim.CreateMessageV1ReceiveIDTypeChatId).Body(body.Build()).Build()
		resp, err := a.im.Message.Create(ctx, req, token)
		if err != nil {
			return outcome{}, fmt.Errorf("create: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg}
		if resp.Data != nil && resp.Data.MessageId != nil {
			o.id = *resp.Data.MessageId
		}
		return o, nil
	})
}

// request is one call of the API with the token it is given.
type request func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error)

// call makes a request, once more with a new token when Feishu refuses the
// first, and returns the id in its answer.
func (a *Adapter) call(ctx context.Context, do request) (id string, err error) {
	for range 2 {
		token, err := a.token.get(ctx)
		if err != nil { // the request itself was not made
			return "", withoutEffect(classify(outcome{}, err))
		}
		o, err := attempt(ctx, token, do)
		if !refusesToken(o.code) {
			return o.id, classify(o, err)
		}
		a.token.drop(token)
	}
	return "", failure.New(failure.Retry, "feishu_token", "Feishu does not take our access token", nil)
}

// attempt bounds one request and notes when it cannot have reached Feishu.
func attempt(ctx context.Context, token string, do request) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var asked, got atomic.Bool // for a connection
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	o, err := do(ctx, larkcore.WithTenantAccessToken(token))
	if err != nil && asked.Load() && !got.Load() {
		err = &unreachedError{err}
	}
	return o, err
}
