package generic

import (
	"cmp"
	"context"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

var errHeaderID = failure.New(failure.Invalid, "invalid_event", "webhook-id is not UTF-8", nil)

// Receive verifies a request and reads the one message in it.
func (a *Adapter) Receive(_ context.Context, r platforms.Request) (platforms.Inbound, error) {
	sentAt, err := a.verify(r)
	if err != nil {
		return platforms.Inbound{}, err
	}
	m, err := readMessage(r.Body)
	if err != nil {
		return platforms.Inbound{}, err
	}
	id, err := a.eventID(r, m)
	if err != nil {
		return platforms.Inbound{}, err
	}
	event := a.event(id, m, sentAt)
	if err := event.Validate(); err != nil {
		return platforms.Inbound{}, err
	}
	return platforms.Inbound{Events: []platforms.Event{event}, Warnings: m.warnings()}, nil
}

// eventID returns what a repeated delivery is known by: the signed webhook-id;
// with a token the body's id, else webhook-id, else a new one.
func (a *Adapter) eventID(r platforms.Request, m *message) (string, error) {
	header := standard(r.Header).Get(standardwebhooks.HeaderWebhookID)
	if !utf8.ValidString(header) {
		return "", errHeaderID
	}
	if !r.Admitted {
		return header, nil
	}
	if id := cmp.Or(m.id, header); id != "" {
		return id, nil
	}
	return a.newID(), nil
}

func (a *Adapter) event(id string, m *message, sentAt time.Time) platforms.Event {
	return platforms.Event{
		Platform:   a.name,
		ID:         id,
		Kind:       platforms.KindMessage,
		ChatType:   m.chatType,
		ChatID:     m.chatID,
		ThreadID:   m.threadID,
		SenderID:   m.senderID,
		SenderName: m.senderName,
		Text:       m.text,
		Mentioned:  true,
		Mentions:   platforms.MentionsIn(m.metadata),
		SentAt:     sentAt,
		Locale:     m.locale,
		Metadata:   m.metadata,
		ReplyTo: platforms.Address{
			ChatID:   m.chatID,
			ThreadID: m.threadID,
			UserID:   m.senderID,
			UserKey:  platforms.UserKey(a.name, m.chatType, m.senderID),
		},
	}
}
