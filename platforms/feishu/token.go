package feishu

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
)

// tokenMargin is how long before its end a token is no longer used.
const tokenMargin = 3 * time.Minute

// tokenCache holds the tenant access token, which stands for the app in one
// tenant for up to two hours.
type tokenCache struct {
	fetch func(context.Context) (value string, lifetime time.Duration, err error)
	now   func() time.Time
	gate  chan struct{} // held while the fields below are used; a channel, so that waiting ends with a context
	value string
	until time.Time
}

func newTokenCache(fetch func(context.Context) (string, time.Duration, error), now func() time.Time) *tokenCache {
	return &tokenCache{fetch: fetch, now: now, gate: make(chan struct{}, 1)}
}

// get returns a token that is good for a while; one caller fetches for all.
func (c *tokenCache) get(ctx context.Context) (string, error) {
	select {
	case c.gate <- struct{}{}:
		defer func() { <-c.gate }()
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for a token: %w", ctx.Err())
	}
	if c.value != "" && c.now().Before(c.until) {
		return c.value, nil
	}
	value, lifetime, err := c.fetch(ctx)
	if err != nil {
		return "", err
	}
	c.value, c.until = value, c.now().Add(max(lifetime-tokenMargin, lifetime/2))
	return value, nil
}

// drop forgets a token that Feishu refused, unless there is a newer one already.
func (c *tokenCache) drop(refused string) {
	c.gate <- struct{}{}
	if c.value == refused {
		c.value = ""
	}
	<-c.gate
}

// fetchToken asks for a new token.
// https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal
func (a *Adapter) fetchToken(ctx context.Context) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := larkcore.Request(ctx, &larkcore.ApiReq{
		HttpMethod:                http.MethodPost,
		ApiPath:                   larkcore.TenantAccessTokenInternalUrlPath,
		Body:                      &larkcore.SelfBuiltTenantAccessTokenReq{AppID: a.opts.AppID, AppSecret: a.opts.AppSecret},
		SupportedAccessTokenTypes: []larkcore.AccessTokenType{larkcore.AccessTokenTypeNone},
	}, a.config)
	if err != nil {
		return "", 0, withoutEffect(classify(outcome{}, err))
	}
	var body larkcore.TenantAccessTokenResp
	if err := json.Unmarshal(resp.RawBody, &body); err != nil {
		return "", 0, withoutEffect(classify(outcome{}, fmt.Errorf("tenant access token: %w", err)))
	}
	o := outcome{
		status: resp.StatusCode, header: resp.Header, code: body.Code, msg: body.Msg, id: body.TenantAccessToken,
	}
	if err := classify(o, nil); err != nil {
		return "", 0, withoutEffect(err)
	}
	return body.TenantAccessToken, time.Duration(body.Expire) * time.Second, nil
}
