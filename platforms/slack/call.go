package slack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-bot/parley/internal/lenient"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/platforms"
)

// call makes one call of the Web API and reads what matters of its answer into
// out, for answers of which the SDK tells too little, or which it refuses for
// one block in somebody's message that it cannot read.
func (a *Adapter) call(ctx context.Context, method string, to platforms.Address, form url.Values, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.api.String()+method, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("call slack: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+a.token)
	x := a.exchange(scopeOf(method, to))
	resp, err := x.Do(req)
	if err != nil {
		return x.classify(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return x.status(resp.StatusCode, nil)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return unreadable(err)
	}
	var result struct {
		OK       bool   `json:"ok"`
		Error    string `json:"error"`
		Needed   string `json:"needed"`
		Provided string `json:"provided"`
	}
	if err := lenient.Decode(body, &result); err != nil {
		return unreadable(err)
	}
	switch {
	case !result.OK && result.Error == "":
		return unreadable(nil)
	case !result.OK:
		return x.refused(result.Error, slackgo.SlackErrorResponse{Err: result.Error, Needed: result.Needed, Provided: result.Provided})
	}
	if err := lenient.Decode(body, out); err != nil {
		return unreadable(err)
	}
	return nil
}
