package slack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

const ownCommand = "/parley"

// readCommand reads a slash command. Slack sends it once and never again.
// Source: https://docs.slack.dev/interactivity/implementing-slash-commands
func (a *Adapter) readCommand(r platforms.Request, form url.Values, now time.Time) (platforms.Inbound, error) {
	c, err := slackgo.SlashCommandParse(&http.Request{PostForm: form})
	if err != nil {
		return platforms.Inbound{}, invalidBody(err)
	}
	said := readText(c.Text, nil)
	tenant := cmp.Or(c.TeamID, c.EnterpriseID)
	answer := a.checked(c.ResponseURL)
	e := platforms.Event{
		Platform: a.name, Tenant: tenant, App: c.APIAppID,
		ID: cmp.Or(c.TriggerID, requestID(r)), Kind: platforms.KindCommand,
		ChatType: chatTypeOf(c.ChannelID), ChatID: c.ChannelID,
		SenderID: c.UserID, SenderName: c.UserName,
		Text: commandText(c.Command, said.text), Mentioned: true, Mentions: said.mentions, SentAt: now.UTC(),
		ReplyTo: platforms.Address{
			Tenant: tenant, ChatID: c.ChannelID, UserID: c.UserID,
			Private: !direct(c.ChannelID) || answer != "", Extra: extra(responseURL, answer),
		},
	}
	return platforms.Inbound{Events: []platforms.Event{e}}, nil
}

// commandText returns the command without its prefix: "/save city Paris" and
// "/parley save city Paris" are the same.
func commandText(command, text string) string {
	text = strings.TrimSpace(text)
	if !strings.EqualFold(command, ownCommand) {
		return strings.TrimSpace(strings.TrimPrefix(command, "/") + " " + text)
	}
	return cmp.Or(strings.TrimSpace(strings.TrimPrefix(text, "/")), "help")
}

// requestID identifies a request that has no id of its own.
func requestID(r platforms.Request) string {
	h := sha256.New()
	h.Write([]byte(r.Header.Get(headerTimestamp) + ":"))
	h.Write(r.Body)
	return "request:" + hex.EncodeToString(h.Sum(nil))
}
