package ai

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/failure"
)

// Chosen returns the name of the endpoint that is asked first for a choice.
func (a *Assistant) Chosen(ctx context.Context, choice string) string {
	return a.route(ctx, choice)[0].Name
}

// route returns the endpoints to try, in order: the chosen one, the primary
// one, the fallbacks.
func (a *Assistant) route(ctx context.Context, choice string) []Endpoint {
	all := append([]Endpoint{a.o.Primary}, a.o.Fallbacks...)
	if choice == "" {
		return all
	}
	chosen, ok := find(slices.Concat(all, a.o.Choices), choice)
	if !ok {
		a.o.Logger.WarnContext(ctx, "conversation's model is not configured; using the primary one",
			slog.String("model", choice))
		return all
	}
	others := slices.DeleteFunc(all, func(e Endpoint) bool { return e.Name == chosen.Name })
	return append([]Endpoint{chosen}, others...)
}

// find returns the endpoint of that name, or else the wanted model at an
// endpoint of the same provider.
func find(all []Endpoint, name string) (Endpoint, bool) {
	for _, e := range all {
		if e.Name == name || e.ModelName == name {
			return e, true
		}
	}
	provider, model, ok := strings.Cut(name, ":")
	if !ok {
		return Endpoint{}, false
	}
	for _, e := range all {
		if p, _, named := strings.Cut(e.Name, ":"); named && p == provider {
			return Endpoint{Name: name, Model: e.Model, ModelName: model}, true
		}
	}
	return Endpoint{}, false
}

// contentsFault reports whether another model must not be asked: the request
// itself was refused.
func contentsFault(err error) bool {
	return failure.KindOf(err) == failure.Invalid || failure.CodeOf(err) == CodeContentFilter
}

// mostHopeful returns the first error that a later attempt may overcome, else the
// first: a passing fault of one endpoint outweighs a lasting one of another. A call
// that was made outweighs those that were not, and whoever may be asked soonest
// those that have named a long wait.
func mostHopeful(errs []error) error {
	var made, paused error
	sooner := func(err, than error) bool {
		return than == nil || failure.WaitOf(than) > MaxPause && failure.WaitOf(err) < failure.WaitOf(than)
	}
	for _, err := range errs {
		switch {
		case failure.KindOf(err) != failure.Retry:
		case errors.Is(err, breaker.ErrOpen):
			if paused == nil || failure.WaitOf(err) < failure.WaitOf(paused) {
				paused = err
			}
		case sooner(err, made):
			made = err
		}
	}
	switch {
	case made != nil && (paused == nil || !sooner(paused, made)):
		return made
	case paused != nil:
		return paused
	}
	return errs[0]
}
