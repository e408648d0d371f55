package feishu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// sdkConfig returns the SDK's configuration. Its token cache is off: it is one
// for the whole process and keeps a token that Feishu no longer accepts.
func sdkConfig(opts Options) *larkcore.Config {
	config := &larkcore.Config{
		BaseUrl:    strings.TrimRight(opts.BaseURL, "/"),
		AppId:      opts.AppID,
		AppSecret:  opts.AppSecret,
		AppType:    larkcore.AppTypeSelfBuilt,
		ReqTimeout: requestTimeout,
		HttpClient: jsonClient{opts.HTTPClient},
		Logger:     silent{},
	}
	larkcore.NewLogger(config)
	larkcore.NewSerialization(config)
	return config
}

// silent keeps the SDK from printing: what matters comes back as an error.
type silent struct{}

func (silent) Debug(context.Context, ...any) {}
func (silent) Info(context.Context, ...any)  {}
func (silent) Warn(context.Context, ...any)  {}
func (silent) Error(context.Context, ...any) {}

// jsonClient turns an answer that is not JSON, and so not of Feishu's making,
// into an error that keeps its status, which the SDK would lose. It takes from
// errors what may be secret in the configured address.
type jsonClient struct{ client *http.Client }

func (c jsonClient) Do(req *http.Request) (*http.Response, error) {
	const maxAnswer = 1 << 20
	resp, err := c.client.Do(req)                        //nolint:gosec // the address is the configured one
	if named, ok := errors.AsType[*url.Error](err); ok { // its type stays: the SDK looks at it
		public := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}
		return nil, &url.Error{Op: named.Op, URL: public.String(), Err: named.Err}
	}
	if err != nil {
		return nil, err
	}
	if !strings.Contains(resp.Header.Get("Content-Type"), "application/json") {
		_ = resp.Body.Close()
		return nil, &statusError{status: resp.StatusCode, header: resp.Header}
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// Check implements [platforms.Checker].
func (a *Adapter) Check(ctx context.Context) platforms.Checkup {
	name, err := a.Bot(ctx)
	if err != nil {
		return platforms.Checkup{Faults: []platforms.Advice{{
			Problem: fmt.Sprintf("bot info: %s", err), Remedy: a.remedy(err), Err: err,
		}}}
	}
	return platforms.Checkup{Bot: name}
}

// remedy says what an admin does about an error of Feishu's.
func (a *Adapter) remedy(err error) string {
	switch failure.CodeOf(err) {
	case codeName(codeNoBot):
		return "add the bot (Add Features > Bot in the developer console), and publish a version"
	case codeName(codeNoScope):
		return "add the scopes that the message names (Permissions & Scopes; parley feishu checklist prints them all), and publish a version"
	case codeName(codeDisabled), codeName(codeUnavailable):
		return "enable the app (Workplace > App Management in the admin console), and see that a version of it is published"
	case "feishu_unreachable", "feishu_no_answer":
		return "check base_url, and that this machine can reach it (HTTPS_PROXY)"
	}
	const feishu, lark = "https://open.feishu.cn", "https://open.larksuite.com"
	other := "one of Lark is on " + lark
	if strings.Contains(a.config.BaseUrl, "larksuite") {
		other = "one of Feishu is on " + feishu
	}
	return "check app_id and app_secret (Credentials & Basic Info), and base_url: an app belongs to one of two hosts, and " + other
}

// Bot asks Feishu for the bot behind the credentials and returns its name.
// Errors are of kind failure.Retry or Permanent.
func (a *Adapter) Bot(ctx context.Context) (botName string, err error) {
	var info botInfo
	_, err = a.callAnyway(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		resp, err := larkcore.Request(ctx, &larkcore.ApiReq{
			HttpMethod:                http.MethodGet,
			ApiPath:                   "/open-apis/bot/v3/info", // not among the SDK's generated calls
			SupportedAccessTokenTypes: []larkcore.AccessTokenType{larkcore.AccessTokenTypeTenant},
		}, a.config, token)
		if err != nil {
			return outcome{}, err
		}
		if err := json.Unmarshal(resp.RawBody, &info); err != nil {
			return outcome{}, fmt.Errorf("bot info: %w", err)
		}
		return outcome{status: resp.StatusCode, header: resp.Header, code: info.Code, msg: info.Msg, id: info.Bot.OpenID}, nil
	})
	if err != nil {
		return "", withoutEffect(err)
	}
	a.absent.set("")
	a.bot.set(info.Bot.OpenID, info.Bot.AppName)
	return info.Bot.AppName, nil
}

// botInfo is the answer of https://open.feishu.cn/document/client-docs/bot-v3/bot-overview
type botInfo struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Bot  struct {
		OpenID  string `json:"open_id"`
		AppName string `json:"app_name"`
	} `json:"bot"`
}

// Start learns the bot's own open_id, by which it knows its mentions. When it
// fails, the adapter works all the same: it guesses (see isBot) and asks again
// after a send, at most once a minute.
func (a *Adapter) Start(ctx context.Context) error {
	if id, _ := a.bot.get(); id != "" {
		return nil
	}
	_, err := a.Bot(ctx)
	return err
}

// learn asks who we are as long as that is unknown.
func (a *Adapter) learn(ctx context.Context) {
	if !a.bot.due(a.opts.Now()) {
		return
	}
	if err := a.Start(ctx); err != nil {
		a.opts.Logger.WarnContext(ctx, "feishu bot identity unknown", slog.String("error", err.Error()))
	}
}

// botIdentity is the bot's own open_id and name, once they are known.
type botIdentity struct {
	mu     sync.Mutex
	openID string
	name   string
	tried  time.Time
}

func (b *botIdentity) get() (openID, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.openID, b.name
}

func (b *botIdentity) set(openID, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.openID, b.name = openID, name
}

// due reports whether it is time to ask (again).
func (b *botIdentity) due(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openID != "" || now.Sub(b.tried).Abs() < time.Minute {
		return false
	}
	b.tried = now
	return true
}

// withoutEffect is for calls that show nothing: whatever became of them, they
// can be made again.
func withoutEffect(err error) error {
	if failure.KindOf(err) != failure.Ambiguous {
		return err
	}
	return failure.New(failure.Retry, failure.CodeOf(err), "Feishu did not answer", err)
}
