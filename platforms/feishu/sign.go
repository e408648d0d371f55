package feishu

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

var _ platforms.Signer = (*Adapter)(nil)

// typing is the reaction that says that somebody writes.
// https://open.feishu.cn/document/server-docs/im-v1/message-reaction/emojis-introduce
const typing = "Typing"

// Sign implements [platforms.Signer]: by a reaction to the question, which stays
// until it is taken away.
// https://open.feishu.cn/document/server-docs/im-v1/message-reaction/create
func (a *Adapter) Sign(ctx context.Context, to platforms.Address, _ string) (sign string, lasts time.Duration, err error) {
	if to.MessageID == "" || a.noReactions.Load() {
		return "", 0, nil
	}
	sign, err = a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		body := larkim.NewCreateMessageReactionReqBodyBuilder().ReactionType(larkim.NewEmojiBuilder().EmojiType(typing).Build()).Build()
		resp, err := a.im.MessageReaction.Create(ctx, larkim.NewCreateMessageReactionReqBuilder().MessageId(to.MessageID).Body(body).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("react: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, final: true}
		if resp.Data != nil && resp.Data.ReactionId != nil {
			o.id = *resp.Data.ReactionId
		}
		return o, nil
	})
	if failure.CodeOf(err) == codeName(codeNoScope) && !a.noReactions.Swap(true) {
		a.opts.Logger.WarnContext(ctx, "feishu shows no sign of work; add the scope im:message.reactions:write_only",
			slog.String("error", err.Error()))
	}
	return sign, 0, err
}

// Unsign implements [platforms.Signer].
// https://open.feishu.cn/document/server-docs/im-v1/message-reaction/delete
func (a *Adapter) Unsign(ctx context.Context, to platforms.Address, sign string) error {
	if to.MessageID == "" || a.noReactions.Load() {
		return nil
	}
	if sign != "" {
		return a.unreact(ctx, to.MessageID, sign)
	}
	signs, err := a.signs(ctx, to.MessageID)
	for _, sign := range signs {
		if err == nil {
			err = a.unreact(ctx, to.MessageID, sign)
		}
	}
	return err
}

func (a *Adapter) unreact(ctx context.Context, messageID, sign string) error {
	_, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		req := larkim.NewDeleteMessageReactionReqBuilder().MessageId(messageID).ReactionId(sign).Build()
		resp, err := a.im.MessageReaction.Delete(ctx, req, token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("take a reaction away: %w", err)
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, id: sign, final: true}, nil
	})
	return ifThere(err)
}

// ifThere takes a refusal for what it means: there is nothing to take away.
func ifThere(err error) error {
	if failure.KindOf(err) == failure.Permanent {
		return nil
	}
	return withoutEffect(err)
}

// signs returns the signs of ours that a message has.
// https://open.feishu.cn/document/server-docs/im-v1/message-reaction/list
func (a *Adapter) signs(ctx context.Context, messageID string) ([]string, error) {
	var ours []string
	_, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		req := larkim.NewListMessageReactionReqBuilder().MessageId(messageID).ReactionType(typing).PageSize(50).Build()
		resp, err := a.im.MessageReaction.List(ctx, req, token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("list reactions: %w", err)
		}
		ours = nil
		if resp.Data != nil {
			for _, item := range resp.Data.Items {
				if item.ReactionId != nil && item.Operator != nil && item.Operator.OperatorType != nil && *item.Operator.OperatorType == "app" {
					ours = append(ours, *item.ReactionId)
				}
			}
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, id: messageID, final: true}, nil
	})
	return ours, ifThere(err)
}
