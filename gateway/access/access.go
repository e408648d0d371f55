package access

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// Mode says who is answered.
type Mode string

// The modes.
const (
	Open    Mode = "open"    // everybody who is not denied
	Allow   Mode = "allow"   // who is listed
	Pairing Mode = "pairing" // who is listed, and who was let in with a code
)

// Options say whom the bot is for.
type Options struct {
	DB          *database.DB
	Mode        Mode
	Allow, Deny []Entry
	// Always are the platforms of those who are in by being there: the chat page
	// and the terminal.
	Always []string
	// Program tells the platforms of programs. A program is in as a whole, and
	// gets no code.
	Program func(platform string) bool
	// PerMinute bounds the replies to one person in one chat; 0 = no limit.
	PerMinute int
	Logger    *slog.Logger
	Now       func() time.Time // nil: the database's
}

// Gate decides. It is safe for concurrent use.
type Gate struct {
	o     Options
	chats *talks
}

// New returns a gate.
func New(o Options) *Gate {
	if o.Now == nil {
		o.Now = o.DB.Now
	}
	return &Gate{o: o, chats: newTalks(o.PerMinute)}
}

// The reasons for which an event is ignored, as the ledger shows them.
const (
	reasonDenied   = "not allowed: listed in access.deny"
	reasonUnlisted = "not allowed: not listed in access.allow"
	reasonGuest    = "not allowed: a member of another organization who is not listed in access.allow"
	reasonUnpaired = "not allowed: not paired"
)

// standing is what the lists say of who wrote an event.
type standing int

const (
	in      standing = iota
	out              // with a reason
	unknown          // pairing decides
)

// listed returns what the lists say, with the reason of out.
func (g *Gate) listed(e *platforms.Event) (standing, string) {
	program := g.o.Program != nil && g.o.Program(e.Platform)
	switch {
	case slices.Contains(g.o.Always, e.Platform):
		return in, ""
	case slices.ContainsFunc(g.o.Deny, func(l Entry) bool { return l.bars(e) }):
		return out, reasonDenied
	case slices.ContainsFunc(g.o.Allow, func(l Entry) bool { return l.lists(e) }):
		return in, ""
	case e.Guest != "":
		return out, reasonGuest
	case g.o.Mode == Pairing && !program:
		return unknown, ""
	case g.o.Mode == Open:
		return in, ""
	}
	return out, reasonUnlisted
}

// Refuse returns why an event that has come in is to be ignored without a word,
// "" where it is to be answered, if only with a code.
func (g *Gate) Refuse(ctx context.Context, e *platforms.Event) (string, error) {
	at, reason := g.listed(e)
	if at != unknown || e.ChatType == platforms.Private {
		return reason, nil
	}
	is, err := g.state(ctx, e)
	if err != nil || is == Approved {
		return "", err
	}
	return reasonUnpaired, nil
}

// Meeting is how an event is met.
type Meeting struct {
	Ignore string // why it is ignored; "" = it is answered
	// Code is told in place of a reply, and PairTx joins the commit of that.
	Code   string
	PairTx func(ctx context.Context, tx database.Tx) error
}

// Meet says how to meet who wrote an event that is about to be answered.
func (g *Gate) Meet(ctx context.Context, e *platforms.Event) (Meeting, error) {
	if at, _ := g.listed(e); at == unknown {
		is, err := g.state(ctx, e)
		if err != nil {
			return Meeting{}, err
		}
		if is != Approved {
			return g.stranger(ctx, e, is)
		}
	}
	if slices.Contains(g.o.Always, e.Platform) {
		return Meeting{}, nil
	}
	reason, begun := g.chats.meet(e, g.o.Now())
	if begun && g.o.Logger != nil {
		g.o.Logger.WarnContext(ctx, "a chat is not answered for now", slog.String("reason", reason), slog.String("user_key", e.UserKey()),
			slog.String("chat_id", e.ChatID), slog.String("event_id", e.ID))
	}
	return Meeting{Ignore: reason}, nil
}

// Replied notes the text of a reply, which was made for an event.
func (g *Gate) Replied(e *platforms.Event, text string) {
	if !slices.Contains(g.o.Always, e.Platform) {
		g.chats.replied(e, text, g.o.Now())
	}
}
