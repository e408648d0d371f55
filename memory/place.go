package memory

import (
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// Place is where facts and scores belong: a group chat, or one person's
// private chat with the bot, wherever that takes place. Nothing crosses places.
type Place struct {
	Tenant, Platform string
	Group            bool
	ID               string // of the chat, or in private of the sender
}

// PlaceOf returns the place of a message: in a group the chat, else the person.
func PlaceOf(p Person, group bool, chatID string) Place {
	if group {
		return Place{Tenant: p.Tenant, Platform: p.Platform, Group: true, ID: chatID}
	}
	return Private(p)
}

// Private returns the place of the person's private chat.
func Private(p Person) Place {
	return Place{Tenant: p.Tenant, Platform: p.Platform, ID: p.SenderID}
}

// Hash returns the key under which everything about the place is kept.
func (p Place) Hash() []byte {
	kind := "private"
	if p.Group {
		kind = "group"
	}
	return database.Hash("place", p.Tenant, p.Platform, kind, p.ID)
}

func (p Place) check() error {
	if p.Platform == "" || p.ID == "" || len(p.Platform) > maxPlatformBytes ||
		len(p.ID) > maxIDBytes || len(p.Tenant) > maxIDBytes ||
		!storable(p.Tenant) || !storable(p.Platform) || !storable(p.ID) {
		return failure.New(failure.Invalid, "invalid_place", "this chat's name or id cannot be stored", nil)
	}
	return nil
}
