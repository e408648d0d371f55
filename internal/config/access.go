package config

import (
	"fmt"
	"slices"
	"strings"
)

// Admin is one entry of access.admins.
type Admin struct {
	Platform string
	Tenant   string // "*" = any
	UserID   string
}

// ParseAdmin reads platform/tenant/user:ID. The tenant of a program's source is
// empty, so that generic//user:alice and generic/*/user:alice are the same.
func ParseAdmin(entry string) (Admin, error) {
	platform, rest, _ := strings.Cut(entry, "/")
	tenant, person, _ := strings.Cut(rest, "/")
	id, ok := strings.CutPrefix(person, "user:")
	if !ok || platform == "" || id == "" {
		return Admin{}, fmt.Errorf("must be platform/tenant/user:ID, such as slack/T024BE7LD/user:U061F7AUR or feishu/*/user:ou_123, got %s", quote(entry))
	}
	return Admin{platform, tenant, id}, nil
}

// Admins returns who may do what is for admins.
func (c *Config) Admins() []Admin {
	var list []Admin
	for _, entry := range c.Access.Admins {
		if a, err := ParseAdmin(entry); err == nil { // refused when the configuration was read
			list = append(list, a)
		}
	}
	return list
}

func (l *loader) checkAccess() {
	known := []string{"slack", "feishu"}
	for _, s := range l.config.Platforms.Generic.Sources {
		known = append(known, s.Name)
	}
	for i, entry := range l.config.Access.Admins {
		a, err := ParseAdmin(entry)
		if err == nil && !slices.Contains(known, a.Platform) {
			l.wrong(fmt.Sprintf("access.admins[%d]", i), "must begin with slack, feishu or the name of a generic source, got %s", quote(a.Platform))
		}
	}
}
