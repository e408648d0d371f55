package media

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation returns how a camera was held, 1 to 8, as the first Exif block of a
// JPEG says; 1 where it does not.
// Source: CIPA DC-008 (Exif 2.32), 4.6.4, tag 0x0112.
func orientation(body []byte) int {
	const upright, segment = 1, 0xE1
	for at := 2; at+4 <= len(body) && body[at] == 0xFF; {
		size := int(binary.BigEndian.Uint16(body[at+2:]))
		end := at + 2 + size
		if size < 2 || end > len(body) || body[at+1] == 0xDA {
			break
		}
		if exif, ok := bytes.CutPrefix(body[at+4:end], []byte("Exif\x00\x00")); ok && body[at+1] == segment {
			return inExif(exif)
		}
		at = end
	}
	return upright
}

// inExif looks through the first directory of a TIFF.
func inExif(b []byte) int {
	const upright, entry, tag = 1, 12, 0x0112
	var order binary.ByteOrder = binary.BigEndian
	if bytes.HasPrefix(b, []byte("II")) {
		order = binary.LittleEndian
	}
	if len(b) < 8 {
		return upright
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at+2 > len(b) {
		return upright
	}
	for n := int(order.Uint16(b[at:])); n > 0; n-- {
		e := at + 2 + (n-1)*entry
		if e+entry > len(b) || order.Uint16(b[e:]) != tag {
			continue
		}
		if how := int(order.Uint16(b[e+8:])); how >= 1 && how <= 8 {
			return how
		}
	}
	return upright
}

// turned returns a picture as it was meant to be seen.
func turned(img *image.RGBA, how int) *image.RGBA {
	if how <= 1 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if how >= 5 { // lies on its side
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			to := whereTo(how, x, y, w, h)
			out.SetRGBA(to.X, to.Y, img.RGBAAt(x, y))
		}
	}
	return out
}

// whereTo returns where a pixel of a picture belongs that is w wide and h high.
func whereTo(how, x, y, w, h int) image.Point {
	switch how {
	case 2:
		return image.Pt(w-1-x, y)
	case 3:
		return image.Pt(w-1-x, h-1-y)
	case 4:
		return image.Pt(x, h-1-y)
	case 5:
		return image.Pt(y, x)
	case 6:
		return image.Pt(h-1-y, x)
	case 7:
		return image.Pt(h-1-y, w-1-x)
	default:
		return image.Pt(y, w-1-x)
	}
}
