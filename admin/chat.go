package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/internal/web/respond"
)

const (
	maxChatBody   = 256 << 10        // bytes
	maxChatID     = 64               // characters
	historyShown  = 100              // messages shown after a reload
	chatTime      = 16 * time.Minute // a reply may grow for 15
	chatKeepAlive = 15 * time.Second
)

// chatItem is one message as the page shows it.
type chatItem struct {
	Role    conversation.Role `json:"role"` // user or assistant
	Text    string            `json:"text"`
	View    []node            `json:"view,omitempty"` // of an assistant's: its Markdown, read
	At      time.Time         `json:"at"`
	Command bool              `json:"command"`
}

func (a *admin) chatHistory(w http.ResponseWriter, r *http.Request) error {
	messages, err := a.o.Chat.History(r.Context(), historyShown)
	if err != nil {
		return err
	}
	items := make([]chatItem, 0, len(messages))
	for i := range messages {
		m := &messages[i]
		if m.Role != conversation.RoleUser && m.Role != conversation.RoleAssistant {
			continue
		}
		item := chatItem{Role: m.Role, Text: m.Content, At: m.Timestamp.UTC(), Command: m.IsCommand()}
		if m.Role == conversation.RoleAssistant {
			item.View = view(m.Content)
		}
		items = append(items, item)
	}
	respond.JSON(w, http.StatusOK, whole(items))
	return nil
}

// chatSay answers with server-sent events as the generic platform does: delta
// while the reply grows, then done or error; and view at times, with all the text
// so far as it is to be shown. An error before the first event
// has a status of its own.
func (a *admin) chatSay(w http.ResponseWriter, r *http.Request) error {
	said, err := readSaid(w, r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), chatTime)
	defer cancel()
	stream := respond.NewStream(w)
	stop := stream.KeepAlive(ctx, chatKeepAlive)
	var reply growing
	status, err := a.o.Chat.Say(ctx, said, func(text string) {
		err := stream.Send("delta", chatDelta{text})
		if whole, due := reply.add(text); due && err == nil {
			err = stream.Send("view", view(whole))
		}
		if err != nil {
			cancel() // the page is gone; the message is answered all the same
		}
	})
	stop()
	if err != nil && !stream.Started() && !gaveUp(err) {
		return err
	}
	if err != nil && !gaveUp(err) {
		a.o.Logger.LogAttrs(r.Context(), slog.LevelError, "chat stream failed", slog.Any("error", err))
	}
	_ = sendChatEnd(stream, said.Locale, status, err) // nobody is left to tell
	return nil
}

// Said is what the page posts.
type Said struct {
	ID     string `json:"id"` // the same again is the same message
	Text   string `json:"text"`
	Locale string `json:"locale"` // the browser's language as it calls it; "" = unknown
}

func readSaid(w http.ResponseWriter, r *http.Request) (Said, error) {
	var s Said
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return s, invalidChat("the body must be application/json", err)
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChatBody))
	if err := decoder.Decode(&s); err != nil {
		return s, readingFailed(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return s, invalidChat("unexpected data after the message", err)
	}
	if strings.TrimSpace(s.Text) == "" {
		return s, invalidChat("the message is empty", nil)
	}
	if !validChatID(s.ID) {
		return s, invalidChat(fmt.Sprintf("id must be 1 to %d letters, digits or hyphens", maxChatID), nil)
	}
	return s, nil
}

func readingFailed(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return failure.New(failure.TooLarge, "message_too_large",
			fmt.Sprintf("the message is larger than %d bytes", tooLarge.Limit), err)
	}
	return invalidChat("the message is not valid JSON for this endpoint", err)
}

func invalidChat(safe string, cause error) error {
	return failure.New(failure.Invalid, "invalid_message", safe, cause)
}

func validChatID(id string) bool {
	return id != "" && len(id) <= maxChatID && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

type chatDelta struct {
	Text string `json:"text"`
}

// chatError ends a stream without a reply. Final means that the same message
// sent again gets no other answer; it needs a new id.
type chatError struct {
	Error gateway.StatusError `json:"error"`
	Final bool                `json:"final"`
}

func sendChatEnd(stream *respond.Stream, locale string, status gateway.Status, err error) error {
	say := sentences.NewBook().Voice(sentences.LanguageOf(locale), nil).Say
	switch {
	case err == nil && status.Status == gateway.StatusCompleted:
		if status.Reply != nil {
			if err := stream.Send("view", view(status.Reply.Text)); err != nil {
				return err
			}
		}
		return stream.Send("done", status)
	case err == nil && status.Final():
		reason := gateway.StatusError{Code: status.Status, Message: say("status.ignored")}
		if status.Error != nil {
			reason = *status.Error
		}
		return stream.Send("error", chatError{Error: reason, Final: true})
	case err == nil || gaveUp(err):
		return stream.Send("error", chatError{Error: gateway.StatusError{
			Code: "timeout", Message: say("status.waiting"),
		}})
	default:
		return stream.Send("error", chatError{Error: gateway.StatusError{
			Code: failure.CodeOf(err), Message: failure.SafeOf(err),
		}})
	}
}

// gaveUp reports whether it was the waiting that ended, not the work.
func gaveUp(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
