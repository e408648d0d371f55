package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"

	"github.com/parley-bot/parley/memory"
)

// Footprint implements [memory.Backend].
func (s *Store) Footprint(ctx context.Context, p memory.Person) (memory.Footprint, error) {
	f, _, _, err := s.footprint(ctx, p)
	return f, err
}

// footprint returns what is kept about a person: counted, the items of the
// person's partition, and those of the private chat.
func (s *Store) footprint(ctx context.Context, p memory.Person) (f memory.Footprint, own, private []item, err error) {
	only := []string{"pk", "sk", "to", "at", "giver", "span"}
	if own, err = s.all(ctx, span{of: personKey(p, ""), only: only}); err != nil {
		return f, nil, nil, err
	}
	if private, err = s.all(ctx, span{of: placeKey(memory.Private(p), ""), only: only}); err != nil {
		return f, nil, nil, err
	}
	for _, i := range own {
		kind, _, _ := strings.Cut(i.text("sk"), "#")
		switch {
		case kind == selfItem:
			f.Name = true
		case kind+"#" == prefPrefix:
			f.Preferences++
		case kind+"#" == factPrefix:
			f.Authored++
		case kind+"#" == reasonPrefix, kind+"#" == gavePrefix:
			f.Reasons++
		case kind+"#" == scorePrefix && i.text("span") == "":
			f.Scores++
		}
	}
	for _, i := range private {
		if strings.HasPrefix(i.text("sk"), factPrefix) {
			f.Facts++
		}
	}
	return f, own, private, nil
}

// forgetPerson removes what items point at before the items, and the person's
// own one last, so that a run that was cut short can be completed.
func (r run) forgetPerson(ctx context.Context, p memory.Person) (memory.Result, error) {
	f, own, private, err := r.footprint(ctx, p)
	if err != nil {
		return memory.Result{}, err
	}
	for _, i := range private {
		if err := r.forgetPrivate(ctx, i); err != nil {
			return memory.Result{}, err
		}
	}
	for _, i := range own {
		if i.text("sk") == selfItem {
			continue
		}
		if err := r.forgetOwn(ctx, i); err != nil {
			return memory.Result{}, err
		}
	}
	if f.Name {
		if _, err := r.once(ctx, realmKey(p.Realm(), peopleItem), r.part("forget "+personKey(p, "").pk), add("people", -1)); err != nil {
			return memory.Result{}, err
		}
	}
	err = r.remove(ctx, personKey(p, selfItem))
	return memory.Result{Done: true, Erased: f}, err
}

// forgetPrivate removes an item of the private chat: a fact, the count of
// facts, or what points at somebody else's points there.
func (r run) forgetPrivate(ctx context.Context, i item) error {
	if strings.HasPrefix(i.text("sk"), scorePrefix) {
		if err := r.remove(ctx, i.target()); err != nil {
			return err
		}
	}
	err := r.remove(ctx, i.key())
	return err
}

// forgetOwn removes an item of the person's partition and what it points at.
func (r run) forgetOwn(ctx context.Context, i item) (err error) {
	switch sk := i.text("sk"); {
	case strings.HasPrefix(sk, factPrefix):
		own := expression.Name("author").Equal(expression.Value(i.text("pk")))
		_, err = r.update(ctx, i.target(), expression.Remove(expression.Name("author")), own)
	case strings.HasPrefix(sk, gavePrefix):
		err = r.remove(ctx, i.target())
	case strings.HasPrefix(sk, reasonPrefix):
		return r.dropGiven(ctx, i)
	}
	if err != nil {
		return err
	}
	err = r.remove(ctx, i.key())
	return err
}

// dropGiven removes a reason that the person got: first what points at it.
func (r run) dropGiven(ctx context.Context, i item) error {
	if err := r.remove(ctx, gaveKey(i.text("giver"), i.key())); err != nil {
		return err
	}
	err := r.remove(ctx, i.key())
	return err
}

// target is what a pointer points at.
func (i item) target() key { return key{i.text("to"), i.text("at")} }
