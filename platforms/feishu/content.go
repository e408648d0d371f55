package feishu

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/platforms"
)

// mention is somebody addressed in a message. In the text stands only its key.
type mention struct {
	Key  string `json:"key"` // "@_user_1"
	ID   userID `json:"id"`
	Type string `json:"mentioned_type"` // "user" or "bot"; newer events only
	Name string `json:"name"`
}

// everybody is the key of a mention of all members, which addresses nobody in particular.
const everybody = "@_all"

// isBot reports whether a mention is of this bot. As long as Feishu has not
// said who we are (see Start), any bot counts, and where the event does not say
// what was mentioned, whoever has no user_id: answering a message too many is
// better than never answering.
func (a *Adapter) isBot(m mention) bool {
	switch own := a.bot.get(); {
	case m.Key == everybody:
		return false
	case own != "":
		return m.ID.OpenID == own
	case m.Type != "":
		return m.Type == "bot"
	default:
		return m.ID.UserID == ""
	}
}

// resolve puts names in the place of mention keys, takes the bot's own out and
// reports whether there was one.
func (a *Adapter) resolve(text string, mentions []mention) (resolved string, mentioned bool) {
	mentions = slices.Clone(mentions)
	// The longest key first: "@_user_1" is the beginning of "@_user_10".
	slices.SortStableFunc(mentions, func(x, y mention) int { return cmp.Compare(len(y.Key), len(x.Key)) })
	var pairs []string
	for _, m := range mentions {
		switch {
		case m.Key == "" || m.Key == everybody:
		case a.isBot(m):
			mentioned = true
			pairs = append(pairs, m.Key+" ", "", m.Key, "")
		default:
			pairs = append(pairs, m.Key, "@"+cmp.Or(m.Name, m.ID.best()))
		}
	}
	pairs = append(pairs, everybody, "@all")
	text = strings.NewReplacer(pairs...).Replace(text)
	if mentioned {
		text = strings.TrimSpace(text)
	}
	return text, mentioned
}

// others returns who else was mentioned, since the text holds names only.
func others(mentions []mention, isBot func(mention) bool) []platforms.Mention {
	var list []platforms.Mention
	for _, m := range mentions {
		if m.Key != everybody && !isBot(m) {
			list = append(list, platforms.Mention{ID: m.ID.best(), Name: m.Name})
		}
	}
	return list
}

// textOf returns a message's text with its mention keys, or the reason why it
// cannot be answered.
// https://open.feishu.cn/document/server-docs/im-v1/message/events/message_content
func textOf(messageType, content string) (text, reason string) {
	var err error
	switch messageType {
	case "text":
		var body struct {
			Text string `json:"text"`
		}
		err = json.Unmarshal([]byte(content), &body)
		text = body.Text
	case "post":
		text, err = postText([]byte(content))
	default:
		return "[" + messageType + "]", unsupported("message type", messageType)
	}
	if err != nil {
		return "", "unreadable message content"
	}
	return text, ""
}

// post is a rich text: paragraphs of elements.
type post struct {
	Title   string      `json:"title"`
	Content [][]element `json:"content"`
}

type element struct {
	Tag      string `json:"tag"`
	Text     string `json:"text"`
	Href     string `json:"href"`
	UserID   string `json:"user_id"` // the mention's key
	UserName string `json:"user_name"`
	Emoji    string `json:"emoji_type"`
	Language string `json:"language"`
}

// postText flattens a rich text, which comes as it is or wrapped in locales
// ({"zh_cn":{…}}).
func postText(content []byte) (string, error) {
	var p post
	if err := json.Unmarshal(content, &p); err != nil {
		return "", err
	}
	if p.Title == "" && p.Content == nil {
		var locales map[string]post
		if err := json.Unmarshal(content, &locales); err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(locales)) {
			p = locales[name]
			break
		}
	}
	var lines []string
	if p.Title != "" {
		lines = append(lines, p.Title)
	}
	for _, paragraph := range p.Content {
		var line strings.Builder
		for _, e := range paragraph {
			line.WriteString(e.readable())
		}
		lines = append(lines, line.String())
	}
	return strings.Join(lines, "\n"), nil
}

func (e element) readable() string {
	switch e.Tag {
	case "a":
		return link(e.Text, e.Href)
	case "at":
		return e.mention()
	case "img":
		return "[image]"
	case "media":
		return "[video]"
	case "emotion":
		return "[" + e.Emoji + "]"
	case "hr":
		return "---"
	case "code_block":
		return "```" + strings.ToLower(e.Language) + "\n" + strings.TrimSuffix(e.Text, "\n") + "\n```"
	default: // text, md and whatever else has a text
		return e.Text
	}
}

func (e element) mention() string {
	switch {
	case e.UserID == "all" || e.UserID == everybody:
		return everybody
	case strings.HasPrefix(e.UserID, "@_"):
		return e.UserID
	default:
		return "@" + cmp.Or(e.UserName, e.UserID)
	}
}

func link(text, href string) string {
	if text == "" || text == href {
		return href
	}
	return "[" + text + "](" + href + ")"
}
