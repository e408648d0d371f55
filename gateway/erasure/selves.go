package erasure

import (
	"context"
	"slices"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/memory"
)

// Strays tells where data of people lies that an earlier version has taken for
// members of another organization: in a channel that organizations share, it
// kept everything under the workspace of who made the channel. That is not
// merged with what is kept under the workspace that the bot acts in, and it goes
// with its sender.
type Strays struct {
	// On reports whether a platform has such channels.
	On func(platform string) bool
	// Since is when the version that knows better began: a tenant under which
	// something was stored afterwards is one that the bot acts in.
	Since time.Time
	Store *conversation.PersistentConversationManager
	// People returns the tenants of everybody known on a platform; nil = not to be told.
	People func(ctx context.Context, platform string) ([]string, error)
}

// Tenants returns the tenants of a platform under which only earlier versions
// have stored something, besides own.
func (s Strays) Tenants(ctx context.Context, platform, own string) ([]string, error) {
	if s.On == nil || !s.On(platform) {
		return nil, nil
	}
	quiet, lively, err := s.Store.TenantsSince(ctx, platform, s.Since)
	if err != nil {
		return nil, err
	}
	if s.People != nil {
		more, err := s.People(ctx, platform)
		if err != nil {
			return nil, err
		}
		quiet = append(quiet, more...)
	}
	quiet = slices.DeleteFunc(quiet, func(t string) bool { return t == "" || t == own || slices.Contains(lively, t) })
	slices.Sort(quiet)
	return slices.Compact(quiet), nil
}

// Conversations counts what lies under such tenants.
func (s Strays) Conversations(ctx context.Context, platform, own string) (int64, error) {
	tenants, err := s.Tenants(ctx, platform, own)
	if err != nil || len(tenants) == 0 {
		return 0, err
	}
	return s.Store.CountUnder(ctx, platform, tenants)
}

// Selves returns the person, and everybody whom an earlier version may have
// taken them for.
func (e *Eraser) Selves(ctx context.Context, p memory.Person) ([]memory.Person, error) {
	tenants, err := e.o.Strays.Tenants(ctx, p.Platform, p.Tenant)
	if err != nil {
		return nil, err
	}
	return selves(p, tenants), nil
}

func selves(p memory.Person, tenants []string) []memory.Person {
	all := []memory.Person{p}
	for _, t := range tenants {
		all = append(all, memory.Person{Tenant: t, Platform: p.Platform, SenderID: p.SenderID})
	}
	return all
}
