package openai

import (
	"encoding/base64"
	"net/http"
	"regexp"

	openai "github.com/sashabaranov/go-openai"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
)

// noImages is how endpoints say that a model sees nothing, or not this.
var noImages = regexp.MustCompile(`(?i)image|vision|multi-?modal|content[^.]{0,40}(must be|expected)( a)? string|图片|图像`)

// learnBlind reports whether the endpoint says that this model sees no pictures,
// and shows it none from then on: the text of the question names them. What is
// wrong with one picture is said in other words, and forgotten.
func (c *Client) learnBlind(r *ai.Request, f *fault) bool {
	refused := f.status == http.StatusBadRequest || f.status == http.StatusNotFound || f.status == http.StatusUnprocessableEntity || f.status == http.StatusUnsupportedMediaType
	if len(r.Images) == 0 || !refused || !noImages.MatchString(f.text) {
		return false
	}
	if complaint.MatchString(f.text) {
		c.blind.Store(r.Model, true)
	}
	r.Images = nil
	return true
}

// seen returns the pictures that a model is shown.
func (c *Client) seen(r ai.Request) []ai.Image {
	if _, blind := c.blind.Load(r.Model); blind {
		return nil
	}
	return r.Images
}

// dataURL returns a picture as an address.
func dataURL(i ai.Image) string {
	return "data:" + i.Type + ";base64," + base64.StdEncoding.EncodeToString(i.Data)
}

// show adds pictures to the last message of a user.
// https://platform.openai.com/docs/guides/images-vision
func show(images []ai.Image, list []openai.ChatCompletionMessage) {
	for at := len(list) - 1; at >= 0 && len(images) > 0; at-- {
		if list[at].Role != string(conversation.RoleUser) {
			continue
		}
		parts := []openai.ChatMessagePart{{Type: openai.ChatMessagePartTypeText, Text: list[at].Content}}
		for _, i := range images {
			parts = append(parts, openai.ChatMessagePart{
				Type: openai.ChatMessagePartTypeImageURL, ImageURL: &openai.ChatMessageImageURL{URL: dataURL(i)},
			})
		}
		list[at].Content, list[at].MultiContent = "", parts
		return
	}
}

// responsesPart is a piece of what a message holds.
type responsesPart struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	ImageURL string `json:"image_url,omitempty"`
}

// showItems is show for the Responses API.
func showItems(images []ai.Image, items []responsesItem) {
	for at := len(items) - 1; at >= 0 && len(images) > 0; at-- {
		content, ok := items[at].Content.(string)
		if !ok || items[at].Role != string(conversation.RoleUser) {
			continue
		}
		parts := []responsesPart{{Type: "input_text", Text: content}}
		for _, i := range images {
			parts = append(parts, responsesPart{Type: "input_image", ImageURL: dataURL(i)})
		}
		items[at].Content = parts
		return
	}
}
