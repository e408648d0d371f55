package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/parley-bot/parley/internal/web/respond"
)

//go:embed assets
var assets embed.FS

// pages are the templates and the static files, each file with its ETag.
type pages struct {
	templates *template.Template
	files     fs.FS
	etags     map[string]string
}

// loadPages reads what is compiled in; a fault there is a fault of the build.
func loadPages() pages {
	p := pages{templates: template.Must(template.ParseFS(assets, "assets/*.html")), etags: map[string]string{}}
	p.files, _ = fs.Sub(assets, "assets") // fails for an invalid name only
	for _, name := range []string{"chat.css", "chat.js", "icon.svg"} {
		content, err := fs.ReadFile(p.files, name)
		if err != nil {
			panic("admin: " + err.Error())
		}
		sum := sha256.Sum256(content)
		p.etags[name] = `"` + hex.EncodeToString(sum[:12]) + `"`
	}
	return p
}

// asset serves one static file. Browsers keep it and ask each time whether it
// is still the same.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	etag, ok := p.etags[name]
	if !ok {
		respond.Problem(w, http.StatusNotFound, "not_found", "not found")
		return
	}
	content, err := fs.ReadFile(p.files, name)
	if err != nil {
		respond.Fail(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", etag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// show renders a page whole before the first byte is sent.
func (p *pages) show(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, name, data); err != nil {
		respond.Fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // nobody is left to tell
}

type chatView struct {
	Prefix   string
	SignedIn bool // by cookie, so that there is something to sign out of
}

// chatPage is the sign-in page to who is not signed in.
func (a *admin) chatPage(w http.ResponseWriter, r *http.Request) {
	signedIn, err := a.signedIn(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if !signedIn && !a.o.Door.Bearer(r) {
		a.pages.show(w, http.StatusUnauthorized, "login.html", loginView{})
		return
	}
	a.pages.show(w, http.StatusOK, "chat.html", chatView{Prefix: a.o.CommandPrefix, SignedIn: signedIn})
}
