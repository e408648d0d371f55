package admin

import (
	"net/http"

	"github.com/parley-bot/parley/internal/signin"
)

// The names of the cookie. Browsers take the prefix __Host- from this very host
// over TLS only, so that no neighbour can set it:
// https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html#name-the-__host-prefix
const (
	sessionCookie = "parley_session"
	secureCookie  = "__Host-" + sessionCookie
)

// cookieName returns the cookie that a session has on the way that r came.
func (a *admin) cookieName(r *http.Request) (name string, secure bool) {
	if a.o.Door.Secure(r) {
		return secureCookie, true
	}
	return sessionCookie, false
}

// signedIn reports whether the cookie of r stands for a session.
func (a *admin) signedIn(r *http.Request) (bool, error) {
	name, _ := a.cookieName(r)
	cookie, err := r.Cookie(name)
	if err != nil {
		return false, nil //nolint:nilerr // there is none
	}
	return a.o.Door.Session(r.Context(), cookie.Value)
}

// setCookie gives the browser its session; "" takes it away.
func (a *admin) setCookie(w http.ResponseWriter, r *http.Request, value string) {
	name, secure := a.cookieName(r)
	age := int(signin.SessionTime.Seconds())
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // on plain HTTP a Secure cookie would never come back
		Name: name, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure,
	})
}
