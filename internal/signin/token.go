package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Token is a secret that opens something to whoever shows it. The zero value
// opens nothing.
type Token struct {
	sum [sha256.Size]byte // hashes are of one length, so that comparing tells none
	set bool
}

// NewToken returns the token with this text; "" opens nothing.
func NewToken(text string) Token {
	return Token{sum: sha256.Sum256([]byte(text)), set: text != ""}
}

// Is reports in constant time whether text is the token.
func (t Token) Is(text string) bool {
	given := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(given[:], t.sum[:]) == 1 && t.set
}

// Bearer returns the token in an Authorization header, "" where there is none
// (RFC 6750, section 2.1).
func Bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
