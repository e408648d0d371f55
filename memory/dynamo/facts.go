package dynamo

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

const (
	// gone marks a fact that is being forgotten, with the effect that does it.
	gone = "gone"
	// foreign is there, and 1, where it may be others' words than the author's.
	foreign = "foreign"
	// own marks a fact that was foreign, with the effect that made it the author's.
	own = "own"
)

// mark is the effect as text.
func (r run) mark() string { return base64.RawStdEncoding.EncodeToString(r.effect) }

func (r run) remember(ctx context.Context, c memory.Remember) (memory.Result, error) {
	k := placeKey(c.Place, factPrefix+c.Key)
	there, known, err := r.get(ctx, k)
	if err != nil {
		return memory.Result{}, err
	}
	if known && there.text(gone) == "" {
		return r.remembered(ctx, c, there)
	}
	counted, _, err := r.get(ctx, placeKey(c.Place, factsItem))
	if err != nil {
		return memory.Result{}, err
	}
	if counted.number("facts") >= memory.MaxFacts {
		return memory.Result{}, memory.TooManyFacts()
	}
	if err := r.pointToFact(ctx, c); err != nil {
		return memory.Result{}, err
	}
	fact := item{"value": text(c.Value), "at": number(database.Micros(r.at)), "author": text(authorOf(c)), "by": text(r.mark())}
	if c.Foreign {
		fact[foreign] = number(1)
	}
	made, err := r.putIf(ctx, k, fact, expression.AttributeNotExists(expression.Name("pk")).Or(expression.AttributeExists(expression.Name(gone))))
	if err != nil {
		return memory.Result{}, err
	}
	if !made { // somebody else was quicker
		if there, _, err = r.get(ctx, k); err != nil {
			return memory.Result{}, err
		}
		return r.remembered(ctx, c, there)
	}
	return r.countFact(ctx, c)
}

// remembered answers for a fact that is there: by this effect, or an earlier one.
func (r run) remembered(ctx context.Context, c memory.Remember, there item) (memory.Result, error) {
	switch {
	case there.text("by") == r.mark():
		return r.countFact(ctx, c)
	case there.text(own) == r.mark():
		return memory.Result{Done: true}, nil
	case c.MakesOwn(there.fact()):
		return r.makeOwn(ctx, c, there)
	}
	return left(there), nil
}

// left answers for a fact that stays as it is.
func left(there item) memory.Result {
	return memory.Result{Old: there.text("value"), Foreign: there.number(foreign) == 1}
}

// makeOwn makes a fact its author's own, unless it is another one by now.
func (r run) makeOwn(ctx context.Context, c memory.Remember, there item) (memory.Result, error) {
	same := expression.Name("by").Equal(expression.Value(there.text("by"))).
		And(expression.AttributeExists(expression.Name(foreign)), expression.AttributeNotExists(expression.Name(gone)))
	ok, err := r.update(ctx, placeKey(c.Place, factPrefix+c.Key), set(own, r.mark())(expression.Remove(expression.Name(foreign))), same)
	if !ok || err != nil {
		return left(there), err
	}
	return memory.Result{Done: true}, nil
}

func (r run) countFact(ctx context.Context, c memory.Remember) (memory.Result, error) {
	_, err := r.once(ctx, placeKey(c.Place, factsItem), r.part(c.Key), add("facts", 1))
	return memory.Result{Done: true}, err
}

// authorOf returns the partition of who a fact comes from. In a private chat
// there is no need to know.
func authorOf(c memory.Remember) string {
	if c.Place == memory.Private(c.Author) {
		return ""
	}
	return personKey(c.Author, "").pk
}

// pointToFact lets the author's facts be found.
func (r run) pointToFact(ctx context.Context, c memory.Remember) error {
	if authorOf(c) == "" {
		return nil
	}
	return r.put(ctx, factPointer(authorOf(c), c.Place, c.Key), item{"to": text(placeKey(c.Place, "").pk), "at": text(factPrefix + c.Key)})
}

func factPointer(author string, at memory.Place, name string) key {
	return key{author, factPrefix + hex.EncodeToString(at.Hash()) + "#" + name}
}

// forget marks the fact, counts it out, and then removes it, so that a second
// run finds either the mark or the count.
func (r run) forget(ctx context.Context, c memory.Forget) (memory.Result, error) {
	k, count := placeKey(c.Place, factPrefix+c.Key), placeKey(c.Place, factsItem)
	effect := r.part("forget " + c.Key)
	there, known, err := r.get(ctx, k)
	if err != nil {
		return memory.Result{}, err
	}
	if !known {
		took, err := r.took(ctx, count, effect)
		return memory.Result{Done: took}, err
	}
	if c.Only != (memory.Person{}) && there.text("author") != personKey(c.Only, "").pk {
		return memory.Result{Old: there.text("value")}, nil
	}
	mine := expression.AttributeNotExists(expression.Name(gone)).Or(expression.Name(gone).Equal(expression.Value(r.mark())))
	ok, err := r.update(ctx, k, set(gone, r.mark())(expression.UpdateBuilder{}),
		expression.AttributeExists(expression.Name("pk")).And(mine))
	if !ok || err != nil {
		return memory.Result{}, err
	}
	if author := there.text("author"); author != "" {
		if err := r.remove(ctx, factPointer(author, c.Place, c.Key)); err != nil {
			return memory.Result{}, err
		}
	}
	if _, err := r.once(ctx, count, effect, add("facts", -1)); err != nil {
		return memory.Result{}, err
	}
	_, err = r.removeIf(ctx, k, expression.Name(gone).Equal(expression.Value(r.mark())))
	return memory.Result{Done: true}, err
}

// Fact implements [memory.Backend].
func (s *Store) Fact(ctx context.Context, at memory.Place, name string) (memory.Fact, bool, error) {
	i, ok, err := s.get(ctx, placeKey(at, factPrefix+name))
	if !ok || err != nil || i.text(gone) != "" {
		return memory.Fact{}, false, err
	}
	return i.fact(), true, nil
}

func (i item) fact() memory.Fact {
	return memory.Fact{
		Key: strings.TrimPrefix(i.text("sk"), factPrefix), Value: i.text("value"), At: database.Time(i.number("at")),
		Author: strings.TrimPrefix(i.text("author"), personPrefix), Foreign: i.number(foreign) == 1,
	}
}

// SearchFacts implements [memory.Backend]: it reads the place's facts, which
// memory.MaxFacts bounds, and ranks them here.
func (s *Store) SearchFacts(ctx context.Context, at memory.Place, words string, limit int) ([]memory.Fact, int, error) {
	m := memory.NewMatcher(words)
	if m.Empty() || limit < 1 {
		return nil, 0, nil
	}
	var facts []memory.Fact
	var texts []string
	var times []int64
	err := s.each(ctx, span{of: placeKey(at, factPrefix), only: []string{"sk", "value", "at", "author", foreign, gone}}, func(i item) error {
		if i.text(gone) == "" {
			f := i.fact()
			facts, texts, times = append(facts, f), append(texts, memory.Folded(f.Key, f.Value)), append(times, f.At.UnixMicro())
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	best := m.Best(texts, times)
	var found []memory.Fact
	for _, i := range best[:min(limit, len(best))] {
		found = append(found, facts[i])
	}
	return found, len(best), nil
}
