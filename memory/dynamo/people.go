package dynamo

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

// seen costs one read where nothing is new.
func (r run) seen(ctx context.Context, c memory.Seen) error {
	k := personKey(c.Person, selfItem)
	self, known, err := r.get(ctx, k)
	if err != nil {
		return err
	}
	if !known {
		_, err := r.putIf(ctx, k, item{"name": text(c.Name), "by": &types.AttributeValueMemberB{Value: r.effect}},
			expression.AttributeNotExists(expression.Name("pk")))
		if err != nil {
			return err
		}
		if self, _, err = r.get(ctx, k); err != nil {
			return err
		}
	}
	// Whoever made the item counts it, also when it was cut short after that.
	if by, ok := self["by"].(*types.AttributeValueMemberB); ok && bytes.Equal(by.Value, r.effect) {
		if _, err := r.once(ctx, realmKey(c.Person.Realm(), peopleItem), r.part(k.pk), add("people", 1)); err != nil {
			return err
		}
	}
	if c.Name == "" || c.Name == self.text("name") && known {
		return nil
	}
	return r.rename(ctx, c)
}

// rename shows the person under the name on every board of the places where
// they have written, then everywhere. Points of earlier versions do not say in
// which place they were made; there the next ones bring the name.
func (r run) rename(ctx context.Context, c memory.Seen) error {
	there := expression.AttributeExists(expression.Name("pk"))
	name := set("name", c.Name)(expression.UpdateBuilder{})
	scores, err := r.all(ctx, span{of: personKey(c.Person, scorePrefix), only: []string{"pk", "sk", "board", "place"}})
	if err != nil {
		return err
	}
	boards := map[string]bool{}
	for _, i := range scores {
		boards[i.text("board")] = true
	}
	for _, i := range scores {
		if place, err := hex.DecodeString(i.text("place")); err != nil || !boards[hex.EncodeToString(memory.MessagesKey(place))] {
			continue
		}
		if _, err := r.update(ctx, i.key(), name, there); err != nil {
			return err
		}
	}
	_, err = r.update(ctx, personKey(c.Person, selfItem), name, there)
	return err
}

// People implements [memory.Backend].
func (s *Store) People(ctx context.Context, r memory.Realm) (int64, error) {
	i, _, err := s.get(ctx, realmKey(r, peopleItem))
	n := i.number("people")
	if k, ok := formerRealmKey(r, peopleItem); ok && err == nil {
		i, _, err = s.get(ctx, k)
		n += i.number("people")
	}
	return max(0, n), err // less than none, when somebody is forgotten whom a former version counted elsewhere
}

// NameAt implements [memory.Backend].
func (s *Store) NameAt(ctx context.Context, at memory.Place, p memory.Person) (string, error) {
	n, err := s.Score(ctx, at, memory.Messages, p)
	if err != nil || n <= 0 {
		return "", err
	}
	return s.Name(ctx, p)
}

// Name implements [memory.Backend].
func (s *Store) Name(ctx context.Context, p memory.Person) (string, error) {
	i, _, err := s.get(ctx, personKey(p, selfItem))
	return i.text("name"), err
}

func (r run) setPreference(ctx context.Context, c memory.SetPreference) error {
	k, count := personKey(c.Person, prefPrefix+c.Key), personKey(c.Person, countItem)
	_, known, err := r.get(ctx, k)
	if err != nil {
		return err
	}
	if !known {
		counted, _, err := r.get(ctx, count)
		if err != nil {
			return err
		}
		if counted.number("prefs") >= memory.MaxKeys {
			return failure.New(failure.Invalid, "too_many_preferences", fmt.Sprintf("there are already %d preferences", memory.MaxKeys), nil)
		}
	}
	there, err := r.once(ctx, k, r.effect, set("value", c.Value), setNew("by", r.mark()))
	if err != nil {
		return err
	}
	if there.text("by") == r.mark() { // whoever made it counts it
		_, err = r.once(ctx, count, r.part(k.sk), add("prefs", 1))
	}
	return err
}

// deletePreference counts before it deletes, so that a second run knows that
// there was something to delete.
func (r run) deletePreference(ctx context.Context, c memory.DeletePreference) (memory.Result, error) {
	k, count := personKey(c.Person, prefPrefix+c.Key), personKey(c.Person, countItem)
	effect := r.part("delete " + k.sk)
	took, err := r.took(ctx, count, effect)
	if err != nil {
		return memory.Result{}, err
	}
	_, known, err := r.get(ctx, k)
	if !known || err != nil {
		return memory.Result{Done: took}, err
	}
	if _, err := r.once(ctx, count, effect, add("prefs", -1)); err != nil {
		return memory.Result{}, err
	}
	err = r.remove(ctx, k)
	return memory.Result{Done: true}, err
}

// Preference implements [memory.Backend].
func (s *Store) Preference(ctx context.Context, p memory.Person, name string) (string, bool, error) {
	i, ok, err := s.get(ctx, personKey(p, prefPrefix+name))
	return i.text("value"), ok, err
}

// Preferences implements [memory.Backend].
func (s *Store) Preferences(ctx context.Context, p memory.Person) (map[string]string, error) {
	all := map[string]string{}
	err := s.each(ctx, span{of: personKey(p, prefPrefix), only: []string{"sk", "value"}}, func(i item) error {
		all[strings.TrimPrefix(i.text("sk"), prefPrefix)] = i.text("value")
		return nil
	})
	return all, err
}

// CommandUses implements [memory.Backend].
func (s *Store) CommandUses(ctx context.Context, r memory.Realm) ([]memory.Use, error) {
	keys := []key{realmKey(r, usePrefix)}
	if k, ok := formerRealmKey(r, usePrefix); ok {
		keys = append(keys, k)
	}
	uses := map[string]int64{}
	for _, k := range keys {
		err := s.each(ctx, span{of: k, only: []string{"sk", "uses"}}, func(i item) error {
			uses[strings.TrimPrefix(i.text("sk"), usePrefix)] += i.number("uses")
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	list := []memory.Use{}
	for name, n := range uses {
		list = append(list, memory.Use{Name: name, Count: n})
	}
	memory.SortUses(list)
	return list, nil
}
