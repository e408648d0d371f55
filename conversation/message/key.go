package message

import (
	"strings"

	"github.com/parley-bot/parley/internal/database"
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
		return Invalidf("user_key is empty")
	}
	if err := ValidText("user_key", k.UserKey, MaxUserKey); err != nil {
		return err
	}
	for part := range strings.SplitSeq(k.UserKey, ":") {
		if err := ValidText("a part of user_key", DecodePart(part), MaxPart); err != nil {
			return err
		}
	}
	if err := ValidText("platform", k.Platform, maxPlatform); err != nil {
		return err
	}
	if err := ValidText("chat_id", k.ChatID, MaxPart); err != nil {
		return err
	}
	if err := ValidText("tenant", k.Tenant, MaxPart); err != nil {
		return err
	}
	return ValidText("thread_id", k.ThreadID, MaxPart)
}

// SenderOf returns the sender id in a user key (platform:chat_type:sender_id),
// or the key itself when it has no such form.
func SenderOf(userKey string) string {
	if parts := strings.SplitN(userKey, ":", 3); len(parts) == 3 {
		return DecodePart(parts[2])
	}
	return userKey
}

// DecodePart returns a part of a user key as it was before it was put into the key.
func DecodePart(part string) string {
	return strings.NewReplacer("%3A", ":", "%2A", "*", "%25", "%").Replace(part)
}
