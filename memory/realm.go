package memory

import (
	"strings"

	"github.com/parley-bot/parley/internal/database"
)

// Realm is what people and uses of commands are counted by: one tenant of one
// platform. Programs, the chat page and the terminal have no tenant, so that
// each of them is a realm by its platform alone.
type Realm struct{ Tenant, Platform string }

// Realm returns the realm that the person belongs to.
func (p Person) Realm() Realm { return Realm{p.Tenant, p.Platform} }

// Key returns the key under which the realm's counters are kept.
func (r Realm) Key() []byte { return database.Hash("realm", r.Tenant, r.Platform) }

// FormerKey returns the key under which earlier versions counted, by tenant
// alone. It is the realm's, too: of a tenant the one realm that there was, and
// without a tenant the source named generic. nil = none.
func (r Realm) FormerKey() []byte {
	if r.Tenant == "" && r.Platform != "generic" || strings.Contains(r.Platform, ".") { // a further app of the tenant
		return nil
	}
	return database.Hash("tenant", r.Tenant)
}
