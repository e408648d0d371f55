package turn

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/media"
)

// Once a prompt holds what others than the asker have written, or what a tool has
// found, the answer may be theirs: a link in it can carry away what else the prompt
// holds. So links to hosts that no person of the chat has named are made plain text.

// foreign reports whether a prompt holds what did not come from who asks.
func foreign(ask *ai.Ask, asker string) bool {
	others := ask.Summary != "" && (ask.Room || ask.Foreign) || ask.Next.Foreign
	for _, list := range [][]conversation.Message{ask.History, ask.New} {
		for i := range list {
			m := &list[i]
			others = others || wordsBeside(m) || len(m.Files()) > 0 || m.Foreign() || fromATool(m) || ask.Room && m.Role == conversation.RoleUser && m.Author != asker
		}
	}
	return others
}

// heard reports whether a message may hold what is said in a recording, which may be
// anybody's words.
func heard(m *conversation.Message) bool {
	return slices.ContainsFunc(m.Files(), func(f conversation.File) bool { return media.Claimed(f.Type, f.Name) == media.Sound })
}

// fromATool reports whether a message is what a tool that is not Parley's own has said.
func fromATool(m *conversation.Message) bool {
	name, _ := m.Metadata[message.MetaToolName].(string)
	return m.Role == conversation.RoleTool && !isOwn(name)
}

// wordsBeside reports whether anybody's words stand beside a message.
func wordsBeside(m *conversation.Message) bool {
	return slices.ContainsFunc(m.Context, func(p conversation.Passage) bool { return !p.Fact })
}

// guard keeps links to other hosts than these out of an answer; nil keeps nothing out.
type guard map[string]bool

// guardOf returns the guard of an answer.
func (r *Runner) guardOf(ask *ai.Ask, asker string) guard {
	if !foreign(ask, asker) {
		return nil
	}
	g := guard{}
	g.name(r.o.SystemPrompt)
	g.name(ask.System)
	for _, list := range [][]conversation.Message{ask.History, ask.New} {
		for i := range list {
			if list[i].Role == conversation.RoleUser && !heard(&list[i]) {
				g.name(list[i].Content)
			}
		}
	}
	return g
}

var (
	hostName = regexp.MustCompile(`[\pL\pN_-]+(?:\.[\pL\pN_-]+)+`)
	address  = regexp.MustCompile("(?i)(?:[a-z][a-z0-9+.-]*:)?[/\\\\]{2}[^\\s<>\"'`)\\]}|]+|\\bwww\\.[^\\s<>\"'`)\\]}|]+")
	// inside begins an address in the middle of a link. Where a link ends at a comma
	// or a bracket, for one client or another, it is a link of its own.
	inside = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*:[/\\]{2}|\bwww\.`)
	// escape is what Markdown would read as a colon, slash or dot.
	escape = regexp.MustCompile(`(?i)&(#x?[0-9a-f]+|colon|sol|period|bsol);`)
)

// name adds the hosts that a text names.
func (g guard) name(text string) {
	for _, host := range hostName.FindAllString(text, -1) {
		g[strings.TrimPrefix(strings.ToLower(host), "www.")] = true
	}
}

// knows reports whether a link's host was named, and that of any address inside it.
func (g guard) knows(link string) bool {
	link = strings.ReplaceAll(link, `\`, "/") // as browsers do
	if !strings.Contains(link, "//") {
		link = "//" + link
	}
	u, err := url.Parse(strings.TrimRight(link, ".,;:!?*_~，。；：！？、"))
	if err != nil || !g[strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")] {
		return false
	}
	_, rest, ok := strings.Cut(link, u.Host) // not where it was written in escapes
	at := inside.FindStringIndex(rest)
	return ok && (at == nil || g.knows(rest[at[0]:]))
}

// plain returns a text in which links to other hosts cannot be followed. A text that
// comes in pieces, cut at white space, comes out as the whole does.
func (g guard) plain(text string) string {
	if g == nil {
		return text
	}
	var b strings.Builder
	for text != "" {
		at := strings.IndexFunc(text, unicode.IsSpace)
		if at < 0 {
			at = len(text)
		}
		b.WriteString(g.word(text[:at]))
		rest := strings.TrimLeftFunc(text[at:], unicode.IsSpace)
		b.WriteString(text[at : len(text)-len(rest)])
		text = rest
	}
	return b.String()
}

// word is plain for what stands between white space: no link goes beyond it.
func (g guard) word(text string) string {
	for _, c := range []string{":", "/", "."} {
		text = strings.ReplaceAll(text, `\`+c, c)
	}
	text = escape.ReplaceAllString(text, "&amp;$1;")
	broken := false
	text = address.ReplaceAllStringFunc(text, func(link string) string {
		if g.knows(link) {
			return link
		}
		broken = true
		return strings.NewReplacer("://", "[:]//", ".", "[.]").Replace(link)
	})
	if broken {
		text = strings.ReplaceAll(text, "](", "] (")
	}
	return text
}

// stream passes pieces of an answer on as plain returns the whole. What is behind
// the last white space waits for more.
func (g guard) stream(onDelta func(string)) func(string) {
	if g == nil {
		return onDelta
	}
	waiting := ""
	return func(piece string) {
		waiting += piece
		if at := strings.LastIndexFunc(waiting, unicode.IsSpace); at > 0 {
			onDelta(g.plain(waiting[:at]))
			waiting = waiting[at:]
		}
	}
}
