package feishu

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/lenient"

	"github.com/parley-bot/parley/platforms"
)

// said is what a message says, with its mentions as keys.
type said struct {
	pieces []piece
	ats    []mention // who is mentioned by elements of their own
}

// piece is text or code; in code nothing is a mention.
type piece struct {
	text string
	code bool
}

func (s *said) text(text string) { s.pieces = append(s.pieces, piece{text: text}) }
func (s *said) code(text string) { s.pieces = append(s.pieces, piece{text: text, code: true}) }

// media are the types of messages that hold nothing to read.
func media(messageType string) bool {
	return slices.Contains([]string{"image", "file", "audio", "media", "video", "sticker", "folder"}, messageType)
}

// contentOf reads the content of a message by its shape rather than its type,
// since there are more types than are documented. ok is false when there is
// nothing in it that can be read.
// https://open.feishu.cn/document/server-docs/im-v1/message/events/message_content
func contentOf(raw nested) (s said, ok bool) {
	var body struct {
		post
		Text     word            `json:"text"`
		Elements json.RawMessage `json:"elements"` // of a card
		Body     struct {
			Elements json.RawMessage `json:"elements"`
		} `json:"body"`
		Header struct {
			Title phrase `json:"title"`
		} `json:"header"`
	}
	if lenient.Decode(raw, &body) != nil {
		return s, false
	}
	if body.Text != "" {
		s.text(body.Text.String())
		return s, true
	}
	body.Title = cmp.Or(body.Title, body.Header.Title)
	if body.empty() {
		body.post = localized(raw)
	}
	if len(list(body.Content)) == 0 {
		body.Content = json.RawMessage(cmp.Or(string(body.Elements), string(body.Body.Elements)))
	}
	s.post(body.post)
	return s, true
}

// post is a rich text: paragraphs of elements. Where there are two forms, the
// second holds the Markdown that the first was made of.
type post struct {
	Title     phrase          `json:"title"`
	Content   json.RawMessage `json:"content"`
	ContentV2 json.RawMessage `json:"content_v2"`
}

func (p *post) empty() bool {
	return p.Title == "" && len(list(p.Content)) == 0 && len(list(p.ContentV2)) == 0
}

// localized returns the first rich text of those wrapped in locales ({"zh_cn":{…}}).
func localized(raw nested) post {
	var locales map[string]json.RawMessage
	_ = lenient.Decode(raw, &locales)
	for _, name := range slices.Sorted(maps.Keys(locales)) {
		var p post
		if lenient.Decode(locales[name], &p) == nil && !p.empty() {
			return p
		}
	}
	return post{}
}

func (s *said) post(p post) {
	var lines int
	newline := func() {
		if lines++; lines > 1 {
			s.text("\n")
		}
	}
	if p.Title != "" {
		newline()
		s.text(string(p.Title))
	}
	paragraphs := list(p.ContentV2)
	if len(paragraphs) == 0 {
		paragraphs = list(p.Content)
	}
	for _, paragraph := range paragraphs {
		newline()
		elements := list(paragraph)
		if elements == nil {
			elements = []json.RawMessage{paragraph}
		}
		for _, e := range elements {
			s.element(e)
		}
	}
}

// element is a piece of a paragraph, or of a card.
type element struct {
	Tag      word            `json:"tag"`
	Text     phrase          `json:"text"`
	Content  phrase          `json:"content"`
	Href     word            `json:"href"`
	UserID   word            `json:"user_id"` // the mention's key, or an open_id
	UserName word            `json:"user_name"`
	Emoji    word            `json:"emoji_type"`
	Language word            `json:"language"`
	Elements json.RawMessage `json:"elements"`
	Columns  json.RawMessage `json:"columns"`
}

func (s *said) element(raw json.RawMessage) {
	var e element
	if raw[0] != '{' {
		var text string
		_ = json.Unmarshal(raw, &text) // what is neither an element nor a text says nothing
		s.text(text)
		return
	}
	_ = lenient.Decode(raw, &e)
	text := string(cmp.Or(e.Text, e.Content))
	switch e.Tag {
	case "a":
		s.text(link(text, e.Href.String()))
	case "at":
		s.at(e)
	case "img", "image":
		s.text("[image]")
	case "media":
		s.text("[video]")
	case "emotion":
		s.text("[" + e.Emoji.String() + "]")
	case "hr":
		s.text("---")
	case "code_block":
		s.code("```" + strings.ToLower(e.Language.String()) + "\n" + strings.TrimSuffix(text, "\n") + "\n```")
	default: // text, md, markdown and whatever else has a text
		s.text(text)
	}
	for _, inner := range slices.Concat(list(e.Elements), list(e.Columns)) {
		s.element(inner)
	}
}

// at notes a mention. The key stands in the text, until it is known whose it is.
func (s *said) at(e element) {
	key := e.UserID.String()
	if key == "all" || key == everybody || key == "" {
		s.text(everybody)
		return
	}
	m := mention{Key: word(key), Name: e.UserName}
	if !strings.HasPrefix(key, "@_") {
		m.ID.OpenID = e.UserID
	}
	s.ats = append(s.ats, m)
	s.text(key)
}

func link(text, href string) string {
	if text == "" || text == href {
		return href
	}
	if href == "" {
		return text
	}
	return "[" + text + "](" + href + ")"
}

// mention is somebody addressed in a message. In the text stands only its key.
type mention struct {
	Key  word   `json:"key"` // "@_user_1"
	ID   userID `json:"id"`
	Type word   `json:"mentioned_type"` // "user" or "bot"; newer events only
	Name word   `json:"name"`
}

// everybody is the key of a mention of all members, which addresses nobody in particular.
const everybody = "@_all"

// isBot reports whether a mention is of this bot. As long as Feishu has not
// said who we are (see Start), any bot counts, and where the event does not say
// what was mentioned, whoever has no user_id: answering a message too many is
// better than never answering.
func (a *Adapter) isBot(m mention) bool {
	own, name := a.bot.get()
	switch {
	case m.Key == everybody:
		return false
	case own != "" && m.ID.best() != "":
		return m.ID.OpenID.String() == own
	case own != "" && name != "" && m.Name != "":
		return m.Name.String() == name
	case m.Type != "":
		return m.Type == "bot"
	default:
		return m.ID.UserID == ""
	}
}

// known returns who is mentioned: those that the event lists, then those that
// only elements of the text name. An event without a list of mentions may have
// keys in its text; the first of them, for want of a better, is a bot's.
func (s *said) known(listed []mention) []mention {
	all := slices.Clone(listed)
	for _, m := range s.ats {
		if !slices.ContainsFunc(all, func(x mention) bool { return x.Key == m.Key || x.ID.OpenID != "" && x.ID.OpenID == m.ID.OpenID }) {
			all = append(all, m)
		}
	}
	const first = "@_user_1"
	if len(all) == 0 && slices.ContainsFunc(s.pieces, func(p piece) bool { return !p.code && strings.Contains(p.text, first) }) {
		all = append(all, mention{Key: first})
	}
	return all
}

// resolve puts names in the place of mention keys, takes the bot's own out and
// reports whether there was one.
func (a *Adapter) resolve(s said, mentions []mention) (resolved string, mentioned bool) {
	mentions = slices.Clone(mentions)
	// The longest key first: "@_user_1" is the beginning of "@_user_10".
	slices.SortStableFunc(mentions, func(x, y mention) int { return cmp.Compare(len(y.Key), len(x.Key)) })
	var pairs []string
	for _, m := range mentions {
		key := m.Key.String()
		switch {
		case key == "" || key == everybody:
		case a.isBot(m):
			mentioned = true
			pairs = append(pairs, key+" ", "", key, "")
		default:
			pairs = append(pairs, key, "@"+cmp.Or(m.Name.String(), m.ID.best()))
		}
	}
	names := strings.NewReplacer(append(pairs, everybody, "@all")...)
	var b strings.Builder
	for _, p := range s.pieces {
		if p.code {
			b.WriteString(p.text)
		} else {
			b.WriteString(names.Replace(p.text))
		}
	}
	if mentioned {
		return strings.TrimSpace(b.String()), true
	}
	return b.String(), false
}

// others returns who else was mentioned, since the text holds names only.
func others(mentions []mention, isBot func(mention) bool) []platforms.Mention {
	var list []platforms.Mention
	for _, m := range mentions {
		if m.Key != everybody && m.ID.best() != "" && !isBot(m) {
			list = append(list, platforms.Mention{ID: m.ID.best(), Name: m.Name.String()})
		}
	}
	return list
}
