package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // the first picture of one
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // pictures that stand still
)

const (
	// MaxSide is how long a side of a picture is at most, in pixels: what is longer
	// providers make smaller themselves
	// (https://docs.anthropic.com/en/docs/build-with-claude/vision).
	MaxSide = 1568
	// maxPixels bounds what a picture takes in memory while it is read.
	maxPixels = 25_000_000
	// maxPNG is how many bytes a picture without loss may have; a larger one is a JPEG.
	maxPNG  = 1 << 20
	quality = 85
)

// ErrTooManyPixels says that a picture is larger than it may be.
var ErrTooManyPixels = errors.New("the picture has too many pixels")

// Picture is one for a model.
type Picture struct {
	Type          string // image/jpeg or image/png
	Data          []byte
	Width, Height int
}

// ReadPicture reads a JPEG, PNG, GIF or WebP, makes it as small as it has to be,
// turns it as its camera was held, and writes it anew, so that nothing else is in it.
func ReadPicture(body []byte) (Picture, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(body))
	if err != nil {
		return Picture{}, fmt.Errorf("read a picture: %w", err)
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height/depth(config.ColorModel) {
		return Picture{}, ErrTooManyPixels
	}
	img, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		return Picture{}, fmt.Errorf("read a picture: %w", err)
	}
	small := scaled(img)
	if format == "jpeg" {
		small = turned(small, orientation(body))
	}
	return written(small, format)
}

// depth is 2 for pictures whose pixels take twice the room.
func depth(m color.Model) int {
	if m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model {
		return 2
	}
	return 1
}

// scaled draws a picture on white, no side longer than MaxSide.
func scaled(img image.Image) *image.RGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if longest := max(w, h); longest > MaxSide {
		w, h = max(1, w*MaxSide/longest), max(1, h*MaxSide/longest)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(out, out.Bounds(), img, b, draw.Over, nil)
	return out
}

// written encodes a picture. Of what came without loss the loss would show.
func written(img *image.RGBA, format string) (Picture, error) {
	p := Picture{Type: "image/png", Width: img.Rect.Dx(), Height: img.Rect.Dy()}
	var b bytes.Buffer
	if format != "jpeg" {
		if err := png.Encode(&b, img); err != nil {
			return Picture{}, fmt.Errorf("write a picture: %w", err)
		}
	}
	if format == "jpeg" || b.Len() > maxPNG {
		b.Reset()
		p.Type = "image/jpeg"
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
			return Picture{}, fmt.Errorf("write a picture: %w", err)
		}
	}
	p.Data = b.Bytes()
	return p, nil
}
