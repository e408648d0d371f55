package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/lenient"
)

const pathTranscriptions = "/audio/transcriptions"

// Transcribe implements [ai.Listener]
// (https://platform.openai.com/docs/api-reference/audio/createTranscription).
// Errors are those of [Client.Generate].
func (c *Client) Transcribe(ctx context.Context, model string, r ai.Recording) (ai.Heard, error) {
	body, kind, err := recording(model, r)
	if err != nil {
		return ai.Heard{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(pathTranscriptions), body)
	if err != nil {
		return ai.Heard{}, c.classify(err)
	}
	req.Header.Set("Content-Type", kind)
	c.authorize(req)
	resp, err := c.do(req)
	if err != nil {
		return ai.Heard{}, c.classify(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return ai.Heard{}, c.classify(c.refusal(resp))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxText))
	if err != nil {
		return ai.Heard{}, c.classify(err)
	}
	return c.heard(text)
}

// recording returns the form that holds a recording, and its content type.
func recording(model string, r ai.Recording) (body *bytes.Buffer, kind string, err error) {
	body = &bytes.Buffer{}
	form := multipart.NewWriter(body)
	part, err := form.CreateFormFile("file", r.Name)
	if err == nil {
		_, err = part.Write(r.Data)
	}
	err = errors.Join(err, form.WriteField("model", model), form.WriteField("response_format", "json"), form.Close())
	if err != nil {
		return nil, "", fmt.Errorf("encode a recording: %w", err)
	}
	return body, form.FormDataContentType(), nil
}

// heard reads an answer, whose usage counts tokens or seconds.
func (c *Client) heard(body []byte) (ai.Heard, error) {
	var answer struct {
		Text     text   `json:"text"`
		Duration number `json:"duration"`
		Usage    struct {
			Input   number `json:"input_tokens"`
			Output  number `json:"output_tokens"`
			Seconds number `json:"seconds"`
		} `json:"usage"`
	}
	if !json.Valid(body) || lenient.Decode(body, &answer) != nil {
		return ai.Heard{}, c.classify(errors.New("the answer to " + pathTranscriptions + " is not JSON"))
	}
	return ai.Heard{
		Text: string(answer.Text), Seconds: float64(max(answer.Usage.Seconds, answer.Duration)),
		Usage: ai.Usage{PromptTokens: int64(answer.Usage.Input), CompletionTokens: int64(answer.Usage.Output)},
	}, nil
}
