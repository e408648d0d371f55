package message

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what is kept, in characters; longer values are refused, never cut.
const (
	maxPlatform = 50
	MaxPart     = 255
	MaxUserKey  = 1024
)

// ValidText reports text that one of the databases would refuse or change.
func ValidText(field, value string, limit int) error {
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return Invalidf("%s is not plain UTF-8 text", field)
	case utf8.RuneCountInString(value) > limit:
		return Invalidf("%s is longer than %d characters", field, limit)
	}
	return nil
}

// CleanText returns text as every database keeps it: without NUL, valid UTF-8.
func CleanText(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// ValidTime reports a time that one of the databases cannot keep.
func ValidTime(field string, t time.Time) error {
	if year := t.UTC().Year(); year < 1000 || year > 9999 {
		return Invalidf("%s is in the year %d", field, year)
	}
	return nil
}
