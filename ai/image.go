package ai

import (
	"context"
	"math"
)

// Image is a picture for a model that sees.
type Image struct {
	Type          string // image/jpeg or image/png
	Data          []byte
	Width, Height int // in pixels
}

const (
	// Providers count a picture by its pixels: Anthropic one token for 750
	// (https://docs.anthropic.com/en/docs/build-with-claude/vision), OpenAI 85 and
	// 170 for each square of 512, which of the same picture is never more.
	pixelsPerToken = 750
	tokensPerImage = 85
)

// imageTokens returns about how many tokens pictures take of a prompt.
func imageTokens(images []Image) (n int64) {
	for _, i := range images {
		n += tokensPerImage + int64(i.Width)*int64(i.Height)/pixelsPerToken
	}
	return n
}

// PictureCost is how a provider counts a picture
// (https://platform.openai.com/docs/guides/images-vision#calculating-costs).
type PictureCost struct {
	// Base, and Tile for each square of 512 pixels, once the picture is at most 2048
	// pixels long and its shorter side at most 768.
	Base, Tile int64
	// Patch for each square of 32 pixels, of which there are at most 1536; 0 = the above.
	Patch float64
}

// tokens returns what a picture costs.
func (c PictureCost) tokens(i Image) int64 {
	width, height := float64(i.Width), float64(i.Height)
	if width <= 0 || height <= 0 {
		return c.Base
	}
	if c.Patch > 0 {
		return int64(math.Ceil(min(math.Ceil(width/32)*math.Ceil(height/32), 1536) * c.Patch))
	}
	scale := min(1, 2048/max(width, height), 768/min(width, height))
	return c.Base + c.Tile*int64(math.Ceil(width*scale/512)*math.Ceil(height*scale/512))
}

// billedFor returns how many tokens an endpoint counts for pictures, as far as that
// is known of its model. Some of them are in the bill alone: gpt-4o-mini's pictures
// take no more of its context than others'.
func (a *Assistant) billedFor(e Endpoint, images []Image) (n int64) {
	cost := a.o.Info(e.Name).Picture
	if cost == nil {
		return imageTokens(images)
	}
	for _, i := range images {
		n += cost.tokens(i)
	}
	return n
}

// Sees reports whether the model that is asked first for a choice sees pictures.
func (a *Assistant) Sees(ctx context.Context, choice string) bool {
	return a.o.Info(a.Chosen(ctx, choice)).Vision
}

// Shortened returns a text without its middle, marked, where it has more tokens.
func Shortened(c TokenCounter, text string, tokens int64) string {
	if countUpTo(c, text, tokens) <= tokens {
		return text
	}
	return window{counter: c}.withoutMiddle(text, tokens)
}
