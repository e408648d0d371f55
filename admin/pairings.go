package admin

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/respond"
)

// Pairings are who asked to be answered, and who was let in.
type Pairings interface {
	List(ctx context.Context) ([]access.Pair, error)
	// Approve fails with failure.NotFound for a code that cannot be approved.
	Approve(ctx context.Context, code string) (access.Pair, error)
	// Revoke fails with failure.NotFound for an id that there is not.
	Revoke(ctx context.Context, id int64) error
}

// wrongCodes is how many wrong codes may be sent in a minute: a person who reads
// them off a screen needs no more, and a program cannot guess one.
const wrongCodes = 10

func (a *admin) listPairings(w http.ResponseWriter, r *http.Request) error {
	pairs, err := a.o.Pairings.List(r.Context())
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, whole(pairs))
	return nil
}

func (a *admin) approvePairing(w http.ResponseWriter, r *http.Request) error {
	if wait := a.guesses.wait(a.o.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		respond.Problem(w, http.StatusTooManyRequests, "too_many_wrong_codes", "too many wrong codes; try again in a minute")
		return nil
	}
	pair, err := a.o.Pairings.Approve(r.Context(), r.PathValue("code"))
	if failure.KindOf(err) == failure.NotFound {
		a.guesses.wrong(a.o.Now())
	}
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, pair)
	return nil
}

func (a *admin) revokePairing(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return failure.New(failure.NotFound, "pairing_not_found", "there is no pairing with that ID", err)
	}
	if err := a.o.Pairings.Revoke(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// guesses counts wrong codes by the minute.
type guesses struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

// wait returns for how long no code is looked at.
func (g *guesses) wait(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n < wrongCodes {
		return 0
	}
	return max(0, time.Minute-now.Sub(g.since))
}

func (g *guesses) wrong(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.since) >= time.Minute {
		g.since, g.n = now, 0
	}
	g.n++
}
