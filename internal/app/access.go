package app

import (
	"log/slog"
	"slices"

	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
)

// gate returns who is let in.
func gate(cfg *config.Config, db *database.DB, log *slog.Logger) *access.Gate {
	return access.New(access.Options{
		DB: db, Mode: access.Mode(cfg.Access.Mode), Allow: entries(cfg.Access.Allow), Deny: entries(cfg.Access.Deny),
		Always: []string{chatPage, terminal}, PerMinute: cfg.Access.MaxRepliesPerMinute, Logger: log,
		Program: func(platform string) bool {
			return slices.ContainsFunc(cfg.Sources(), func(s config.Source) bool { return s.Name == platform })
		},
	})
}

func entries(list []string) []access.Entry {
	var all []access.Entry
	for _, e := range config.Entries(list) {
		all = append(all, access.Entry{Platform: e.Platform, Tenant: e.Tenant, Chat: e.ChatID, User: e.UserID})
	}
	return all
}
