package setup

import (
	"context"
	"fmt"
	"strings"

	"rsc.io/qr"

	"github.com/parley-bot/parley/platforms/feishu"
)

// An app belongs to one of two hosts.
const (
	feishuBase = "https://open.feishu.cn"
	larkBase   = "https://open.larksuite.com"
)

func setupFeishu(ctx context.Context, o Options) error {
	made, err := feishu.Register(ctx, o.Accounts, func(address string, seconds int) {
		o.Terminal.Say("Within %d minutes, scan this with Feishu or Lark, or open the address below it, and confirm the app:", max(1, seconds/60))
		o.Terminal.Say("%s", drawn(address))
		o.Terminal.Say("%s", address)
	})
	if err != nil {
		return fmt.Errorf("the app could not be created: %w", err)
	}
	base := string(o.Config.Platforms.Feishu.BaseURL)
	kept := map[string]string{
		"FEISHU_APP_ID": made.AppID, "FEISHU_APP_SECRET": made.AppSecret, "PARLEY_PLATFORMS__FEISHU__MODE": "websocket", "FEISHU_BASE_URL": "",
	}
	if made.Lark && base == feishuBase {
		base = larkBase
		kept["FEISHU_BASE_URL"] = base
	}
	a, err := feishu.New(feishu.Options{AppID: made.AppID, AppSecret: made.AppSecret, BaseURL: base, Logger: o.Logger})
	if err != nil {
		return err
	}
	dir, err := keep(o.Config, kept) // whatever comes next: the app is there, and its secret is shown once
	if err != nil {
		return err
	}
	o.Terminal.Say("App %s has been created, and its secret is stored in %s.", made.AppID, dir)
	if is := a.Check(ctx); is.Err() != nil {
		o.Terminal.Say("Note: %s.", strings.ReplaceAll(is.Err().Error(), "\n", "; "))
	} else {
		o.Terminal.Say("Signed in as %s.", is.Bot)
	}
	o.Terminal.Say("Next: run parley serve, then send the bot a message, or add it to a group. parley feishu checklist lists what the app needs.")
	return nil
}

// drawn returns an address as a QR code of half blocks, dark on light whatever
// the terminal's colours are.
func drawn(address string) string {
	code, err := qr.Encode(address, qr.L)
	if err != nil {
		return "" // the address itself follows
	}
	const quiet = 2
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(map[[2]bool]string{
				{false, false}: "█", {false, true}: "▀", {true, false}: "▄", {true, true}: " ",
			}[[2]bool{code.Black(x, y), code.Black(x, y+1)}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Checklist returns what an admin ticks in Feishu's console.
func Checklist() (string, error) {
	needs, err := feishu.Needs()
	if err != nil {
		return "", err
	}
	scopes, err := needs.ScopesJSON()
	if err != nil {
		return "", err
	}
	return `In the developer console (https://open.feishu.cn/app, Lark: https://open.larksuite.com/app), open your custom app:

[ ] Add Features > Bot
[ ] Permissions & Scopes > Batch import/export scopes, paste:
` + string(scopes) + `
[ ] Events & Callbacks > Event Configuration: Receive events through persistent connection (or Request URL https://YOUR-HOST/webhooks/feishu), and add:
    ` + strings.Join(needs.Events, "\n    ") + `
[ ] Events & Callbacks > Callback Configuration, in the same way:
    ` + strings.Join(needs.Callbacks, "\n    ") + `
[ ] Version Management & Release > Create a version, and get it approved

To see what Feishu sent and whether it was accepted, open Monitoring > Event log (Log Search) of the app.
`, nil
}
