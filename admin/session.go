package admin

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"
)

const (
	sessionCookie = "parley_session"
	sessionTime   = 7 * 24 * time.Hour
)

// sessions knows the admin token and signs session cookies with a key derived
// from it.
type sessions struct {
	token [sha256.Size]byte // its hash: comparing does not tell its length
	none  bool              // there is no token: nobody is let in
	key   []byte
	now   func() time.Time
}

func newSessions(token string, now func() time.Time) sessions {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "parley admin session v1", sha256.Size)
	return sessions{token: sha256.Sum256([]byte(token)), none: token == "" || err != nil, key: key, now: now}
}

// valid reports whether r carries the admin token or a session.
func (s *sessions) valid(r *http.Request) bool { return s.bearer(r) || s.cookie(r) }

func (s *sessions) bearer(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && s.isToken(strings.TrimSpace(token))
}

func (s *sessions) isToken(token string) bool {
	given := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(given[:], s.token[:]) == 1 && !s.none
}

func (s *sessions) cookie(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || s.none {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cookie.Value)
	if err != nil || len(raw) != 8+sha256.Size {
		return false
	}
	ends := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0)
	return hmac.Equal(raw[8:], s.sign(raw[:8])) && s.now().Before(ends)
}

func (s *sessions) sign(expiry []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(expiry)
	return mac.Sum(nil)
}

// begin gives the browser a session.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request) {
	ends := s.now().Add(sessionTime)
	expiry := binary.BigEndian.AppendUint64(nil, uint64(ends.Unix()))
	value := base64.RawURLEncoding.EncodeToString(append(expiry, s.sign(expiry)...))
	setCookie(w, r, value, int(sessionTime.Seconds()))
}

// end makes the browser forget its session.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) { setCookie(w, r, "", -1) }

func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // on plain HTTP a Secure cookie would never come back
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// Who forges this header only keeps their own cookie off plain HTTP.
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	})
}
