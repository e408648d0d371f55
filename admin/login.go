package admin

import (
	"errors"
	"net/http"

	"github.com/parley-bot/parley/internal/signin"
)

// maxLoginForm is the size of a login form that is read, in bytes.
const maxLoginForm = 16 << 10

type loginView struct {
	Problem string
}

type linkView struct {
	Link string
}

// loginPage shows the form, or for a link one button: opening it, as a preview
// does, does not use it up.
func (a *admin) loginPage(w http.ResponseWriter, r *http.Request) {
	link := r.URL.Query().Get("link")
	if link == "" {
		a.pages.show(w, http.StatusOK, "login.html", loginView{})
		return
	}
	if err := a.o.Door.CheckLink(r.Context(), r, link); err != nil {
		a.refuseLink(w, r, err)
		return
	}
	a.pages.show(w, http.StatusOK, "link.html", linkView{Link: link})
}

// login begins a session with the admin token or a link.
func (a *admin) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	if err := r.ParseForm(); err != nil {
		a.pages.show(w, http.StatusBadRequest, "login.html", loginView{Problem: "The form could not be read. Please try again."})
		return
	}
	var cookie string
	var err error
	switch link := r.PostForm.Get("link"); {
	case link != "":
		cookie, err = a.o.Door.UseLink(r.Context(), r, link)
	case !a.o.Door.Knows(r, r.PostForm.Get("token")):
		a.pages.show(w, http.StatusUnauthorized, "login.html", loginView{Problem: "That is not the admin token."})
		return
	default:
		cookie, err = a.o.Door.Begin(r.Context())
	}
	if err != nil {
		a.refuseLink(w, r, err)
		return
	}
	a.setCookie(w, r, cookie)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *admin) refuseLink(w http.ResponseWriter, r *http.Request, err error) {
	var problem string
	switch {
	case errors.Is(err, signin.ErrBadLink):
		problem = "This sign-in link is not from this server."
	case errors.Is(err, signin.ErrOldLink):
		problem = "This sign-in link has expired. It was valid for ten minutes."
	case errors.Is(err, signin.ErrUsedLink):
		problem = "This sign-in link has already been used."
	default:
		a.refuse(w, r, err)
		return
	}
	a.pages.show(w, http.StatusUnauthorized, "login.html", loginView{Problem: problem + " To get a new one, run: parley token --link"})
}

// logout ends the session on the server, and makes the browser forget it.
func (a *admin) logout(w http.ResponseWriter, r *http.Request) {
	name, _ := a.cookieName(r)
	if cookie, err := r.Cookie(name); err == nil {
		if err := a.o.Door.End(r.Context(), cookie.Value); err != nil {
			a.refuse(w, r, err)
			return
		}
	}
	a.setCookie(w, r, "")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
