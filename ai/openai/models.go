package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/parley-bot/parley/internal/lenient"
)

// Models returns the models that the endpoint lists, which costs nothing
// (https://platform.openai.com/docs/api-reference/models/list). Errors are those of [Client.Generate].
func (c *Client) Models(ctx context.Context) ([]string, error) {
	const maxList = 4 << 20
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address("/models"), http.NoBody)
	if err != nil {
		return nil, c.classify(err)
	}
	c.authorize(req)
	resp, err := c.do(req)
	if err != nil {
		return nil, c.classify(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, c.classify(c.refusal(resp))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxList))
	if err != nil {
		return nil, c.classify(err)
	}
	var answer struct {
		Data list[struct {
			ID text `json:"id"`
		}] `json:"data"`
	}
	if lenient.Decode(body, &answer) != nil || !json.Valid(body) {
		return nil, c.classify(errors.New("the answer to /models is not JSON; check the base URL"))
	}
	models := make([]string, len(answer.Data))
	for i := range answer.Data {
		models[i] = string(answer.Data[i].ID)
	}
	return models, nil
}
