package feishu

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
)

// uuidWindow is how long a repeat under the same uuid is trusted to have no
// second effect: Feishu says one hour, the rest is for the repeat's own way.
const uuidWindow = 55 * time.Minute

// Send shows one part as a text, a rich text or a file, and one with buttons as a
// card: an answer to the message it is about, inside its topic when it stands in
// one, or a new message in the chat when there is nothing to answer or the message
// was recalled. The part's key goes along as Feishu's uuid.
func (a *Adapter) Send(ctx context.Context, to platforms.Address, p platforms.Part) (messageID string, err error) {
	switch {
	case to.Private && a.toasts.give(p, a.opts.Now()):
		return "", nil
	case to.Private && isGroup(to):
		return a.whisper(ctx, to, p)
	}
	m, isCard := posted(to, p)
	switch {
	case p.File != "":
		m = outgoing{key: p.Key, kind: larkim.MsgTypeFile}
		if m.content, err = a.upload(ctx, p); err != nil {
			return "", err
		}
	case !isCard:
		m = rendered(p.Key, p.Text)
	}
	messageID, err = a.show(ctx, to, m)
	if isCard && refusesCard(err) { // the words matter more than the buttons
		messageID, err = a.show(ctx, to, rendered(p.Key, p.Text))
	}
	if err != nil {
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

	age *time.Duration // gets how old the message is that stands for the uuid; nil = nobody asks
}

// seen notes the age of a message by Feishu's own clock.
func (m outgoing) seen(h http.Header, created *string) {
	if m.age == nil || created == nil {
		return
	}
	now, err := http.ParseTime(h.Get("Date"))
	ms, malformed := strconv.ParseInt(*created, 10, 64)
	if err == nil && malformed == nil {
		*m.age = now.Sub(time.UnixMilli(ms))
	}
}

func (a *Adapter) show(ctx context.Context, to platforms.Address, m outgoing) (messageID string, err error) {
	if to.MessageID == "" && to.ChatID == "" {
		return "", failure.New(failure.Permanent, "no_address", "there is neither a message nor a chat to answer", nil)
	}
	if to.MessageID == "" {
		return a.create(ctx, to.ChatID, m)
	}
	messageID, err = a.reply(ctx, to, m)
	// What belongs to a topic is not for everybody, and where there are only topics
	// a new message would open one.
	if !isGone(err) || to.ChatID == "" || to.ThreadID != "" || a.holdsTopics(ctx, to) {
		return messageID, err
	}
	return a.create(ctx, to.ChatID, m)
}

// isGroup reports whether others may read along at an address: wherever it is
// not certain that they do not.
func isGroup(to platforms.Address) bool {
	return !strings.Contains(to.UserKey, ":"+string(platforms.Private)+":")
}

// Find implements [platforms.Sender]. It cannot look a message up by its uuid. It does not have to while Feishu
// still knows the uuid: a repeat shows the part if it is missing and nothing if
// it is there. Beyond that nobody can tell. since must be the time of the first
// attempt, not of the latest.
func (a *Adapter) Find(ctx context.Context, to platforms.Address, p platforms.Part, since time.Time) (f platforms.Finding, messageID string, err error) {
	age := a.opts.Now().Sub(since)
	if to.Private && isGroup(to) { // it has no uuid
		return platforms.Unknowable, "", nil
	}
	if p.Key == "" || age >= uuidWindow || age <= -maxAhead {
		return platforms.Unknowable, "", nil
	}
	if p.Opened {
		return a.reopened(ctx, to, p)
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
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, chat: to.ChatID}
		if resp.Data != nil && resp.Data.MessageId != nil {
			o.id = *resp.Data.MessageId
			m.seen(resp.Header, resp.Data.CreateTime)
			if thread := resp.Data.ThreadId; thread != nil && *thread != "" && to.ThreadID == "" {
				a.topics.add(to.ChatID)
			}
		}
		return o, nil
	})
}

// create writes into a chat.
// https://open.feishu.cn/document/server-docs/im-v1/message/create
func (a *Adapter) create(ctx context.Context, chatID string, m outgoing) (string, error) {
	body := larkim.NewCreateMessageReqBodyBuilder().ReceiveId(chatID).MsgType(m.kind).Content(m.content).Uuid(m.key)
	idType := larkim.CreateMessageV1ReceiveIDTypeChatId
	if strings.HasPrefix(chatID, "ou_") { // a person whose private chat is not known, see menuEvent
		idType = larkim.CreateMessageV1ReceiveIDTypeOpenId
	}
	return a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		req := larkim.NewCreateMessageReqBuilder().ReceiveIdType(idType).Body(body.Build()).Build()
		resp, err := a.im.Message.Create(ctx, req, token)
		if err != nil {
			return outcome{}, fmt.Errorf("create: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, chat: chatID}
		if resp.Data != nil && resp.Data.MessageId != nil {
			o.id = *resp.Data.MessageId
			m.seen(resp.Header, resp.Data.CreateTime)
		}
		return o, nil
	})
}

// request is one call of the API with the token it is given.
type request func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error)

// call is callAnyway while the app is there.
func (a *Adapter) call(ctx context.Context, do request) (id string, err error) {
	if err := a.present(); err != nil {
		return "", err
	}
	return a.callAnyway(ctx, do)
}

// callAnyway makes a request, once more with a new token when Feishu refuses the
// first, and returns the id in its answer.
func (a *Adapter) callAnyway(ctx context.Context, do request) (id string, err error) {
	var refused string
	for range 2 {
		token, err := a.token.get(ctx)
		if refused = failure.CodeOf(err); saysAbsent(refused) {
			break
		}
		if err != nil { // the request itself was not made
			return "", withoutEffect(classify(outcome{}, err))
		}
		o, err := attempt(ctx, token, do)
		if !refusesToken(o.code) {
			return o.id, classify(o, err)
		}
		refused = codeName(o.code)
		a.token.drop(token)
	}
	if saysAbsent(refused) { // with a new token too
		a.leave(refused)
		return "", a.present()
	}
	return "", failure.New(failure.Retry, "feishu_token", "Feishu rejected the access token", nil)
}

// attempt bounds one request and notes when it cannot have reached Feishu.
func attempt(ctx context.Context, token string, do request) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var sending call.Sending
	o, err := do(sending.Watch(ctx), larkcore.WithTenantAccessToken(token))
	if err != nil && sending.Never(err) {
		err = &unreachedError{err}
	}
	return o, err
}
