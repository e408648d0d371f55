package rendertest

import (
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
)

// Defused are Markdown with links to evil.example as a model may write it, and as it
// is shown where nobody of the chat has named that host: no link, on no platform.
func Defused() map[string]string {
	return map[string]string{ //nolint:gosec // G101: these are no secrets
		"https://evil.example/?q=secret":            "https[:]//evil[.]example/?q=secret",
		"See (https://evil.example/a), **now**.":    "See (https[:]//evil[.]example/a), **now**.",
		"**https://evil.example**":                  "**https[:]//evil[.]example**",
		"[the docs](https://evil.example/secret)":   "[the docs] (https[:]//evil[.]example/secret)",
		"![cat](https://evil.example/secret.png)":   "![cat] (https[:]//evil[.]example/secret[.]png)",
		"<https://evil.example/secret>":             "<https[:]//evil[.]example/secret>",
		"[https://evil.example](//evil.example/x)":  "[https[:]//evil[.]example] (//evil[.]example/x)",
		"www.evil.example/secret":                   "www[.]evil[.]example/secret",
		"- one\n- [two](ftp://evil.example/secret)": "- one\n- [two] (ftp[:]//evil[.]example/secret)",
		"| a |\n|---|\n| https://evil.example/x |":  "| a |\n|---|\n| https[:]//evil[.]example/x |",
	}
}

// follows finds what a client makes a link of: Slack's and Feishu's elements and
// markup, Markdown, HTML, a terminal's, and what stands as an address by itself.
var follows = regexp.MustCompile(`(?i)"type":"(link|image)"|"url"|"href"|"tag":"(a|img)"|image_url|<(//|www)|\]\(|\x1b\]8|[a-z]://|(www|evil)\.`)

// NoLink reports where something that is shown can be followed to evil.example, and
// where the host is not shown at all: people are to see where they would have been sent.
func NoLink(shown string) error {
	if at := follows.FindString(shown); at != "" {
		return fmt.Errorf("%q can be followed in %s", at, shown)
	}
	if !strings.Contains(html.UnescapeString(shown), "evil[.]example") {
		return errors.New("the host is not shown in " + shown)
	}
	return nil
}
