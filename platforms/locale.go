package platforms

import (
	"regexp"
	"strings"
)

// MaxLocaleLen is how many bytes a locale has at most.
// Source: https://www.rfc-editor.org/rfc/rfc5646#section-4.4.1
const MaxLocaleLen = 35

// localeForm is a language, 2 to 8 letters, and what follows it. Whether such
// a language exists is nobody's question here.
// Source: https://www.rfc-editor.org/rfc/rfc5646#section-2.1
var localeForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// ParseLocale reads a BCP 47 tag, also one written with underscores ("zh_CN"),
// as many programs do. What is none gives "" and false.
func ParseLocale(raw string) (tag string, ok bool) {
	tag = strings.ReplaceAll(raw, "_", "-")
	if len(tag) > MaxLocaleLen || !localeForm.MatchString(tag) {
		return "", false
	}
	return tag, true
}
