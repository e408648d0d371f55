package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/internal/web/conns"
	"github.com/parley-bot/parley/internal/web/respond"
	"github.com/parley-bot/parley/scheduler"
)

// Chat answers the person at the chat page.
type Chat interface {
	// Say stores the message and returns when its reply exists or none will
	// come, else with the error of ctx; the message is answered all the same.
	// onDelta is given the reply's text as it grows, one call at a time.
	Say(ctx context.Context, said Said, onDelta func(text string)) (gateway.Status, error)
	// History returns the newest messages, oldest first, at most limit.
	History(ctx context.Context, limit int) ([]conversation.Message, error)
}

// Jobs are the scheduled jobs.
type Jobs interface {
	List(ctx context.Context) ([]scheduler.JobStatus, error)
	// RunNow starts a job; failure.NotFound, or failure.Conflict while it runs.
	RunNow(ctx context.Context, name string) error
}

// Stats counts conversations.
type Stats interface {
	Stats(ctx context.Context) (conversation.Stats, error)
}

// Usage tells what the model used.
type Usage interface {
	// Usage returns one row per day and model of the last days, newest day
	// first.
	Usage(ctx context.Context, days int) ([]UsageRow, error)
}

// UsageRow is what one model used on one day (UTC), as the provider reported.
type UsageRow struct {
	Day              string `json:"day"` // 2006-01-02
	Model            string `json:"model"`
	PromptTokens     int64  `json:"prompt_tokens"`
	CompletionTokens int64  `json:"completion_tokens"`
	Calls            int64  `json:"calls"`
	CachedTokens     int64  `json:"cached_tokens"` // of the prompt
	// Cost is in the provider's currency; null where no price is known.
	Cost *float64 `json:"cost"`
}

// Budget is how one budget stands in its current period.
type Budget struct {
	Scope    string    `json:"scope"` // user or chat
	ID       string    `json:"id"`    // platform/tenant/user:ID or platform/tenant/chat:ID; "" once it was erased
	Start    time.Time `json:"period_start"`
	Resets   time.Time `json:"resets_at"`
	Limit    int64     `json:"limit"`
	Used     int64     `json:"used"`
	Reserved int64     `json:"reserved"`
	Warning  int64     `json:"warning"` // 80 or 95: at least so many percent are used; 0: fewer are
}

// Options say what the pages and the API show. What is nil is not there (404).
type Options struct {
	Door  *signin.Door // who is let in
	Chat  Chat
	Jobs  Jobs
	Stats Stats
	Usage Usage
	// Budgets returns those that were used in the current period.
	Budgets func(ctx context.Context) ([]Budget, error)
	Events  Events
	// Pairings are nil where nobody is paired.
	Pairings Pairings
	Tools    Tools // of other servers

	Conversations Conversations
	SpoolDir      string // where the body of an import is kept while it is read

	PublicURL     string           // where browsers find the pages, when a proxy gives them another name; "" = as they say
	CommandPrefix string           // shown in the hints of the chat page; default "/"
	Now           func() time.Time // nil: time.Now
	Logger        *slog.Logger     // nil: none
}

type admin struct {
	o Options

	mux     *http.ServeMux
	origins *http.CrossOriginProtection
	pages   pages
	// importing holds a place for each import that runs.
	importing chan struct{}
	guesses   guesses
}

// New returns the handler for /, /login, /logout, /static/, /chat/, /admin/ and /api/v1/.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CommandPrefix == "" {
		o.CommandPrefix = "/"
	}
	a := &admin{
		o: o, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(), pages: loadPages(),
		importing: make(chan struct{}, importsAtOnce),
	}
	if public, err := url.Parse(o.PublicURL); err == nil && public.Host != "" {
		_ = a.origins.AddTrustedOrigin(public.Scheme + "://" + public.Host) // has the form that it must have
	}
	a.routes()
	return a
}

func (a *admin) routes() {
	a.mux.HandleFunc("GET /static/{file}", a.pages.asset)
	a.mux.HandleFunc("GET /login", a.loginPage)
	a.mux.HandleFunc("POST /login", a.login)
	a.mux.HandleFunc("POST /logout", a.logout)
	if a.o.Chat != nil {
		a.mux.HandleFunc("GET /{$}", a.chatPage)
		a.handle("GET /chat/messages", a.chatHistory)
		a.handle("POST /chat/messages", a.chatSay)
	}
	if a.o.Jobs != nil {
		a.handle("GET /api/v1/jobs", a.listJobs)
		a.handle("POST /api/v1/jobs/{name}/run", a.runJob)
	}
	if a.o.Stats != nil {
		a.handle("GET /api/v1/stats", a.stats)
	}
	a.eventRoutes()
	if a.o.Conversations != nil {
		a.conversationRoutes()
	}
	if a.o.Pairings != nil {
		a.handle("GET /api/v1/pairings", a.listPairings)
		a.handle("POST /api/v1/pairings/{code}/approve", a.approvePairing)
		a.handle("DELETE /api/v1/pairings/{id}", a.revokePairing)
	}
	if a.o.Tools != nil {
		a.handle("GET /api/v1/tools", a.listTools)
		a.handle("POST /api/v1/tools/{name}/approve", a.approveTool)
	}
	if a.o.Usage != nil {
		a.handle("GET /api/v1/usage", a.usage)
	}
	if a.o.Budgets != nil {
		a.handle("GET /api/v1/budgets", a.budgets)
	}
}

// handle registers a handler whose error becomes the answer.
func (a *admin) handle(pattern string, handler func(http.ResponseWriter, *http.Request) error) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		err := handler(w, r)
		if err == nil {
			return
		}
		if respond.Fail(w, err) >= http.StatusInternalServerError {
			a.o.Logger.LogAttrs(r.Context(), slog.LevelError, "admin request failed",
				slog.String("route", pattern), slog.Any("error", err))
		}
	})
}

// ServeHTTP checks the method, then who asks, and then what is asked for.
func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	handler, pattern := a.mux.Handler(r)
	if pattern == "" && wrongMethod(w, r, handler) {
		return
	}
	byToken := false
	if closed(r.URL.Path) {
		if byToken = a.o.Door.Bearer(r); !byToken && !a.mayEnter(w, r) {
			return
		}
		conns.Verified(r.Context())
	}
	if !byToken && a.origins.Check(r) != nil {
		respond.Problem(w, http.StatusForbidden, "cross_origin", "requests from other sites are not accepted")
		return
	}
	if pattern == "" {
		respond.Problem(w, http.StatusNotFound, "not_found", "not found")
		return
	}
	a.mux.ServeHTTP(w, r)
}

// closed reports whether a path is for who is signed in. The chat page is not:
// to others it is the sign-in page.
func closed(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/admin/") || strings.HasPrefix(path, "/chat/")
}

// mayEnter answers who has no session.
func (a *admin) mayEnter(w http.ResponseWriter, r *http.Request) bool {
	signedIn, err := a.signedIn(r)
	if err != nil {
		a.refuse(w, r, err)
		return false
	}
	if !signedIn {
		w.Header().Set("WWW-Authenticate", `Bearer realm="parley"`)
		respond.Fail(w, failure.New(failure.Unauthorized, "unauthorized",
			"sign in, or send Authorization: Bearer with the admin token", nil))
	}
	return signedIn
}

// refuse answers who could not be looked up.
func (a *admin) refuse(w http.ResponseWriter, r *http.Request, err error) {
	a.o.Logger.LogAttrs(r.Context(), slog.LevelError, "a session cannot be looked up", slog.Any("error", err))
	respond.Fail(w, failure.New(failure.Unavailable, "database_unavailable", "sessions cannot be checked right now", err))
}

// secure sets the headers of every answer: nothing from other places, in no
// frame, no address handed on. (A policy of no-referrer would also make
// browsers send "Origin: null" with our own forms.)
func secure(h http.Header) {
	h.Set("Content-Security-Policy",
		"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// wrongMethod answers in JSON where net/http's mux would answer 405 in text.
func wrongMethod(w http.ResponseWriter, r *http.Request, muxHandler http.Handler) bool {
	seen := headerOnly{header: http.Header{}}
	muxHandler.ServeHTTP(&seen, r)
	if seen.status != http.StatusMethodNotAllowed {
		return false
	}
	w.Header().Set("Allow", seen.header.Get("Allow"))
	respond.Problem(w, seen.status, "method_not_allowed", "method not allowed; see the Allow header")
	return true
}

// headerOnly is a response whose body nobody sees.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
