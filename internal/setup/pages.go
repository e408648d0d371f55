package setup

import (
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/slack"
)

// PageOptions say what a page is printed for.
type PageOptions struct{ Socket, Agent bool }

// Page is what an admin pastes or ticks on a platform's own pages.
type Page struct {
	Platform, Of string
	Name, Short  string
	Moded        bool
	Print        func(PageOptions) (string, error)
}

// Pages returns what can be printed.
func Pages() []Page {
	return []Page{
		{
			Platform: slack.Platform, Of: "Print what Slack's app settings need", Name: "manifest", Short: "Print the app manifest", Moded: true,
			Print: func(o PageOptions) (string, error) {
				text, err := slack.Manifest(slack.ManifestOptions{Socket: o.Socket, Agent: o.Agent})
				return string(text), err
			},
		},
		{
			Platform: feishu.Platform, Of: "Print what Feishu's developer console needs", Name: "checklist", Short: "Print the checklist for the app, with the scopes for batch import",
			Print: func(PageOptions) (string, error) { return Checklist() },
		},
	}
}
