package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/media"
)

// half is red on its left and blue on its right.
func half(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{R: 255, A: 255}
			if x >= w/2 {
				c = color.RGBA{B: 255, A: 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func encoded(t *testing.T, img image.Image, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	err := map[string]func() error{
		"png":  func() error { return png.Encode(&b, img) },
		"jpeg": func() error { return jpeg.Encode(&b, img, nil) },
		"gif":  func() error { return gif.Encode(&b, img, nil) },
	}[format]()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts a block behind the first marker of a JPEG.
func withExif(body []byte, how uint16) []byte {
	block := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	block = append(binary.BigEndian.AppendUint16(block, how), "\x00\x00\x00\x00\x00\x00 SECRET PLACE"...)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(block)+2))
	return bytes.Join([][]byte{body[:2], segment, block, body[2:]}, nil)
}

func TestPictures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body       []byte
		kind       string
		w, h       int
		redX, redY int
	}{
		"small png":   {encoded(t, half(40, 20), "png"), "image/png", 40, 20, 2, 2},
		"small jpeg":  {encoded(t, half(40, 20), "jpeg"), "image/jpeg", 40, 20, 2, 2},
		"gif":         {encoded(t, half(40, 20), "gif"), "image/png", 40, 20, 2, 2},
		"large":       {encoded(t, half(4000, 1000), "jpeg"), "image/jpeg", media.MaxSide, 392, 9, 9},
		"thin":        {encoded(t, half(20_000, 1), "png"), "image/png", media.MaxSide, 1, 2, 0},
		"on its head": {withExif(encoded(t, half(40, 20), "jpeg"), 3), "image/jpeg", 40, 20, 37, 17},
		"on its side": {withExif(encoded(t, half(40, 20), "jpeg"), 6), "image/jpeg", 20, 40, 2, 2},
		"other side":  {withExif(encoded(t, half(40, 20), "jpeg"), 8), "image/jpeg", 20, 40, 2, 37},
	} {
		p, err := media.ReadPicture(c.body)
		if err != nil || p.Type != c.kind || p.Width != c.w || p.Height != c.h {
			t.Errorf("%s: %s %dx%d, %v", name, p.Type, p.Width, p.Height, err)
			continue
		}
		img, _, err := image.Decode(bytes.NewReader(p.Data))
		if err != nil || img.Bounds().Dx() != c.w || img.Bounds().Dy() != c.h {
			t.Errorf("%s: %v, %v", name, img.Bounds(), err)
			continue
		}
		if r, _, b, _ := img.At(c.redX, c.redY).RGBA(); r < 0xd000 || b > 0x3000 {
			t.Errorf("%s: not red at %d,%d: %x %x", name, c.redX, c.redY, r, b)
		}
		if bytes.Contains(p.Data, []byte("SECRET")) {
			t.Errorf("%s: what the camera noted is still there", name)
		}
	}
}

// bomb is a PNG that claims to be large, and is not.
func bomb(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	head = append(binary.BigEndian.AppendUint32(head, h), 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

func TestWhatIsNoPicture(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]uint32{{100_000, 100_000}, {60_000_000, 1}, {8000, 6251}} {
		if _, err := media.ReadPicture(bomb(size[0], size[1])); !errors.Is(err, media.ErrTooManyPixels) {
			t.Errorf("%v: %v", size, err)
		}
	}
	good := encoded(t, half(40, 20), "png")
	for _, body := range [][]byte{nil, []byte("GIF89a"), good[:len(good)/2], bomb(10, 10), bomb(0, 10)} {
		if _, err := media.ReadPicture(body); err == nil {
			t.Errorf("%q is one", body[:min(len(body), 20)])
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                                "",
		"one\r\ntwo\rthree\n":             "one\ntwo\nthree\n",
		"\ufeffmarked":                    "marked",
		"这是 UTF-8":                        "这是 UTF-8",
		"\xff\xfeh\x00i\x00-N":            "hi中",
		"\xfe\xff\x00h\x00i":              "hi",
		"\xc4\xe3\xba\xc3\xa3\xac world!": "你好， world!",
	} {
		if got, ok := media.ReadText([]byte(body)); !ok || got != want {
			t.Errorf("%q: %q, %v", body, got, ok)
		}
	}
	for _, body := range []string{"a\x00b", "%PDF-1.7\n\x00\xff", "\x89PNG\r\n\x1a\n", "caf\xe9 au lait", "\x1f\x8b\x08\x00", "PK\x03\x04\x14\x00"} {
		if got, ok := media.ReadText([]byte(body)); ok {
			t.Errorf("%q is a text: %q", body, got)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mediaType, name string
		want            media.Kind
	}{
		{"image/png", "a", media.Image},
		{"image", "image", media.Image},
		{"image/svg+xml", "a.svg", media.Words},
		{"audio/mp4", "a.m4a", media.Sound},
		{"text/plain", "a.txt", media.Words},
		{"", "main.go", media.Words},
		{"", "a.jpeg", media.Image},
		{"application/json", "a.json", media.Words},
		{"application/octet-stream", "a.log", media.Words},
		{"application/pdf", "a.pdf", media.Other},
		{"", "a.PDF", media.Other},
		{"video/mp4", "a.mp4", media.Other},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", media.Other},
	} {
		if got := media.Claimed(c.mediaType, c.name); got != c.want {
			t.Errorf("%s %s: %d", c.mediaType, c.name, got)
		}
	}
	for body, want := range map[string]media.Kind{
		"\x89PNG\r\n\x1a\n": media.Image, "OggS\x00": media.Sound, "hello": media.Words, "%PDF-1.7\x00": media.Other, "PK\x03\x04\x00": media.Other,
	} {
		if got := media.Sniffed([]byte(body), media.Words); got != want {
			t.Errorf("%q: %d", body, got)
		}
	}
	if got := media.SoundName("audio_message.M4A", nil) + media.SoundName("audio", []byte("OggS\x00")); !strings.HasSuffix(got, "recording.m4arecording.ogg") {
		t.Error(got)
	}
}
