package conversation

import (
	"strings"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/database"
)

// Limits of what is kept, in characters; longer values are refused, never cut.
const (
	maxPlatform = 50
	maxPart     = 255
	maxUserKey  = 1024
)

// Key names a conversation. Platform is kept with it but is no part of its identity.
type Key struct{ UserKey, Platform, ChatID, Tenant, ThreadID string }

// Identity returns what makes two keys the same conversation: the SHA-256 of
// tenant, user key, chat and thread. It is the key of the conversation's lane too.
func (k Key) Identity() []byte {
	return database.Hash("conversation", k.Tenant, k.UserKey, k.ChatID, k.ThreadID)
}

// Validate reports the first field that cannot be stored as it is, as [ErrInvalid].
func (k Key) Validate() error {
	if k.UserKey == "" {
		return invalidf("user_key is empty")
	}
	if err := validText("user_key", k.UserKey, maxUserKey); err != nil {
		return err
	}
	for part := range strings.SplitSeq(k.UserKey, ":") {
		if err := validText("a part of user_key", decodePart(part), maxPart); err != nil {
			return err
		}
	}
	if err := validText("platform", k.Platform, maxPlatform); err != nil {
		return err
	}
	if err := validText("chat_id", k.ChatID, maxPart); err != nil {
		return err
	}
	if err := validText("tenant", k.Tenant, maxPart); err != nil {
		return err
	}
	return validText("thread_id", k.ThreadID, maxPart)
}

// SenderOf returns the sender id in a user key (platform:chat_type:sender_id),
// or the key itself when it has no such form.
func SenderOf(userKey string) string {
	if parts := strings.SplitN(userKey, ":", 3); len(parts) == 3 {
		return decodePart(parts[2])
	}
	return userKey
}

func decodePart(part string) string {
	return strings.NewReplacer("%3A", ":", "%2A", "*", "%25", "%").Replace(part)
}

// validText reports text that one of the databases would refuse or change.
func validText(field, value string, limit int) error {
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return invalidf("%s is not plain UTF-8 text", field)
	case utf8.RuneCountInString(value) > limit:
		return invalidf("%s is longer than %d characters", field, limit)
	}
	return nil
}

// cleanText returns text as every database keeps it: without NUL, valid UTF-8.
func cleanText(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
