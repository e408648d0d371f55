package media

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"
)

// ReadText returns a text in UTF-8, which was in UTF-8, UTF-16 with a mark of its
// order, or GB18030, whose lines end in \n. ok is false for what is no text.
func ReadText(body []byte) (text string, ok bool) {
	switch {
	case bytes.HasPrefix(body, []byte("\xff\xfe")), bytes.HasPrefix(body, []byte("\xfe\xff")):
		text, ok = decoded(body, utf16.UTF16(utf16.LittleEndian, utf16.UseBOM))
	case utf8.Valid(body):
		text, ok = strings.TrimPrefix(string(body), "\ufeff"), true
	default:
		text, ok = decoded(body, simplifiedchinese.GB18030)
		ok = ok && mostlyHan(text)
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return text, ok && !strings.ContainsFunc(text, isBinary)
}

func decoded(body []byte, e encoding.Encoding) (string, bool) {
	text, err := e.NewDecoder().Bytes(body)
	return string(text), err == nil && !bytes.ContainsRune(text, utf8.RuneError)
}

// isBinary reports whether a character is in no text.
func isBinary(r rune) bool {
	return unicode.IsControl(r) && !strings.ContainsRune("\n\t\f\x1b\u0085", r)
}

// mostlyHan tells Chinese from bytes of another encoding that happen to be Chinese.
func mostlyHan(text string) bool {
	var han, others int
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
		case unicode.Is(unicode.Han, r) && r < 0x9fff, r >= 0x3000 && r < 0x3100, r >= 0xff00 && r < 0xfff0, r >= 0x2010 && r < 0x2030:
			han++
		default:
			others++
		}
	}
	return han > 9*others
}
