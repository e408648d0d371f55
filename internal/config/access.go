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

// Entry is one entry of access.allow or access.deny.
type Entry struct {
	Platform string
	Tenant   string // "*" = any
	ChatID   string // "" = any
	UserID   string // "" = anybody
}

// ParseEntry reads platform, platform/tenant, platform/tenant/chat:ID or
// platform/tenant/user:ID. Of a platform alone the tenant is any.
func ParseEntry(entry string) (Entry, error) {
	platform, rest, more := strings.Cut(entry, "/")
	tenant, whom, listed := strings.Cut(rest, "/")
	e := Entry{Platform: platform, Tenant: tenant}
	if !more {
		e.Tenant = "*"
	}
	kind, id, _ := strings.Cut(whom, ":")
	switch kind {
	case "chat":
		e.ChatID = id
	case "user":
		e.UserID = id
	}
	if platform == "" || more && !listed && tenant == "" || listed && e.ChatID == "" && e.UserID == "" {
		return Entry{}, fmt.Errorf("must be a platform, platform/tenant, platform/tenant/chat:ID or platform/tenant/user:ID, "+
			"such as slack, slack/T024BE7LD/chat:C012AB3CD or feishu/*/user:ou_123, got %s", quote(entry))
	}
	return e, nil
}

// Entries returns the entries of a list of access.
func Entries(list []string) []Entry {
	var all []Entry
	for _, entry := range list {
		if e, err := ParseEntry(entry); err == nil { // refused when the configuration was read
			all = append(all, e)
		}
	}
	return all
}

func (l *loader) checkAccess() {
	var known []string
	for _, a := range l.config.allSlack() {
		known = append(known, a.Platform)
	}
	for _, a := range l.config.allFeishu() {
		known = append(known, a.Platform)
	}
	for _, s := range l.config.Platforms.Generic.Sources {
		known = append(known, s.Name)
	}
	for name, list := range map[string][]string{"allow": l.config.Access.Allow, "deny": l.config.Access.Deny, "admins": l.config.Access.Admins} {
		for i, entry := range list {
			platform, _, _ := strings.Cut(entry, "/")
			if platform != "" && !slices.Contains(known, platform) {
				l.wrong(fmt.Sprintf("access.%s[%d]", name, i), "must begin with slack, feishu, the platform of a further app (slack.NAME) or the name of a generic source, got %s", quote(platform))
			}
		}
	}
}
