package feishu

import (
	"context"
	_ "embed" // app.json
	"encoding/json"
	"errors"
	"fmt"

	"github.com/larksuite/oapi-sdk-go/v3/scene/registration"

	"github.com/parley-bot/parley/internal/failure"
)

//go:embed app.json
var appFile []byte

// App is what an app needs in the developer console.
type App struct {
	Scopes struct {
		Tenant []string `json:"tenant"`
		User   []string `json:"user"`
	} `json:"scopes"`
	Events    []string `json:"events"`
	Callbacks []string `json:"callbacks"`
}

// Needs returns what the app needs.
func Needs() (App, error) {
	var a App
	if err := json.Unmarshal(appFile, &a); err != nil {
		return a, fmt.Errorf("app.json: %w", err)
	}
	return a, nil
}

// ScopesJSON returns the scopes as the console's batch import takes them.
func (a App) ScopesJSON() ([]byte, error) {
	return json.MarshalIndent(map[string]any{"scopes": a.Scopes}, "", "  ")
}

// Registered is an app that Feishu has made.
type Registered struct {
	AppID, AppSecret string
	Lark             bool // of Lark rather than Feishu
}

// Register has Feishu make an app: show is given an address, which an admin opens
// on a phone or elsewhere and confirms, and for how many seconds it is good.
// accounts is where Feishu's accounts are; "" = both real ones.
func Register(ctx context.Context, accounts string, show func(address string, seconds int)) (Registered, error) {
	needs, err := Needs()
	if err != nil {
		return Registered{}, err
	}
	r, err := registration.RegisterApp(ctx, &registration.Options{
		Source: "parley", Domain: accounts, LarkDomain: accounts,
		AppPreset: &registration.AppPreset{Name: "Parley", Desc: "Chat with an AI that remembers"},
		Addons: &registration.AppAddons{
			Scopes:    registration.AppAddonsScopes{Tenant: needs.Scopes.Tenant},
			Events:    registration.AppAddonsEvents{Items: registration.AppAddonsEventItems{Tenant: needs.Events}},
			Callbacks: registration.AppAddonsCallbacks{Items: needs.Callbacks},
		},
		OnQRCode: func(info *registration.QRCodeInfo) { show(info.URL, info.ExpireIn) },
	})
	var denied *registration.AccessDeniedError
	var expired *registration.ExpiredError
	switch {
	case errors.As(err, &denied):
		return Registered{}, failure.New(failure.Permanent, "access_denied", "the app was not confirmed", err)
	case errors.As(err, &expired):
		return Registered{}, failure.New(failure.Permanent, "expired", "the app was not confirmed in time", err)
	case err != nil:
		return Registered{}, err
	}
	made := Registered{AppID: r.ClientID, AppSecret: r.ClientSecret}
	made.Lark = r.UserInfo != nil && r.UserInfo.TenantBrand == "lark"
	return made, nil
}
