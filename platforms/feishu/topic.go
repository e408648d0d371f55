package feishu

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	topicPrefix = "omt_" // of the ids of topics

	mostAbove = 50   // messages of a topic that are read, which is a page
	maxAbove  = 6000 // bytes of them that are told
)

var _ platforms.ThreadReader = (*Adapter)(nil)

// Above implements [platforms.ThreadReader]: what opened the topic, and of what
// follows the newest. Where the app may not read that it is the opening alone.
func (a *Adapter) Above(ctx context.Context, e platforms.Event, since time.Time) (string, error) {
	topic, opening, err := a.opening(ctx, e)
	if err != nil || topic == "" {
		return opening, err
	}
	items, err := a.inTopic(ctx, topic)
	if err != nil && failure.KindOf(err) != failure.Permanent {
		return "", withoutEffect(err)
	}
	if err != nil {
		a.opts.Logger.InfoContext(ctx, "feishu does not show what was said before in a topic; add the scope im:message.group_msg",
			slog.String("error", err.Error()))
	}
	if !since.IsZero() {
		opening = "" // it was told with the first message
	}
	lines := a.newest(items, e, since, maxAbove-len(opening))
	if opening != "" {
		lines = append(lines, opening)
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n"), nil
}

// opening returns the id of the topic that e stands in, and what opened it. Both
// are empty when that is gone; what nobody has answered yet is in no topic.
func (a *Adapter) opening(ctx context.Context, e platforms.Event) (topic, text string, err error) {
	if strings.HasPrefix(e.ThreadID, topicPrefix) {
		return e.ThreadID, "", nil // Feishu did not say what opened it
	}
	items, err := a.readMessage(ctx, e.ThreadID)
	switch {
	case isGone(err):
		return "", "", nil
	case err != nil:
		return "", "", withoutEffect(err)
	case len(items) == 0 || items[0] == nil:
		return "", "", nil
	case items[0].ThreadId != nil:
		topic = *items[0].ThreadId
	}
	return topic, a.spoken(items[0]), nil
}

// newest returns what was said in a topic before e and after since, the newest
// first, as much of it as there is room for in bytes.
func (a *Adapter) newest(items []*larkim.Message, e platforms.Event, since time.Time, room int) (lines []string) {
	for _, m := range items {
		if m == nil || m.MessageId == nil || *m.MessageId == e.ThreadID || !since.IsZero() && a.isOurs(m) || !between(m, since, e) {
			continue
		}
		line := a.spoken(m)
		if room -= len(line); room < 0 {
			return append(lines, "…")
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// inTopic returns the newest messages of a topic, the newest first.
// https://open.feishu.cn/document/server-docs/im-v1/message/list
func (a *Adapter) inTopic(ctx context.Context, thread string) (items []*larkim.Message, err error) {
	_, err = a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		req := larkim.NewListMessageReqBuilder().ContainerIdType("thread").ContainerId(thread).
			SortType("ByCreateTimeDesc").PageSize(mostAbove).WithSenderName(true).Build()
		resp, err := a.im.Message.List(ctx, req, token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("read a topic: %w", err)
		}
		if resp.Data != nil {
			items = resp.Data.Items
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, id: thread, final: true}, nil
	})
	return items, err
}

// holdsTopics reports whether a chat is known to hold nothing but topics, which its
// events need not say. Without the scope to ask it counts as one that does not.
// https://open.feishu.cn/document/server-docs/group/chat/get-2
func (a *Adapter) holdsTopics(ctx context.Context, to platforms.Address) bool {
	if !isGroup(to) {
		return false
	}
	if a.topics.has(to.ChatID) {
		return true
	}
	var topics bool
	_, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		resp, err := a.im.Chat.Get(ctx, larkim.NewGetChatReqBuilder().ChatId(to.ChatID).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("ask for a chat: %w", err)
		}
		if d := resp.Data; d != nil {
			topics = d.ChatMode != nil && *d.ChatMode == "topic" || d.GroupMessageType != nil && *d.GroupMessageType == "thread"
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, id: to.ChatID, final: true}, nil
	})
	if err == nil && topics {
		a.topics.add(to.ChatID)
	}
	return err == nil && topics
}

// isOurs reports whether the app itself has written a message.
func (a *Adapter) isOurs(m *larkim.Message) bool {
	return m.Sender != nil && m.Sender.Id != nil && *m.Sender.Id == a.opts.AppID
}

// between reports whether a message was written after since and before the one
// that e is of.
func between(m *larkim.Message, since time.Time, e platforms.Event) bool {
	if *m.MessageId == e.MessageKey || m.CreateTime == nil {
		return false
	}
	ms, err := strconv.ParseInt(*m.CreateTime, 10, 64)
	return err == nil && ms <= e.SentAt.UnixMilli() && time.UnixMilli(ms).After(since)
}

// spoken returns what a message says behind who says it, "" for nothing.
func (a *Adapter) spoken(m *larkim.Message) string {
	text := words(m)
	if text == "" || m.Sender == nil || m.Sender.Id == nil || m.UpperMessageId != nil {
		return text
	}
	who := *m.Sender.Id
	switch {
	case a.isOurs(m):
		who = "you (" + who + ")"
	case m.Sender.SenderName != nil && *m.Sender.SenderName != "":
		who = strconv.Quote(platforms.ShortName(*m.Sender.SenderName)) + " (" + who + ")"
	}
	return who + ": " + text
}
