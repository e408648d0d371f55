package dynamo

import (
	"bytes"
	"context"
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
		if _, err := r.once(ctx, tenantKey(c.Person.Tenant, peopleItem), r.part(k.pk), add("people", 1)); err != nil {
			return err
		}
	}
	if c.Name == "" || c.Name == self.text("name") && known {
		return nil
	}
	return r.rename(ctx, c)
}

// rename shows the person under the name on every board, then everywhere.
func (r run) rename(ctx context.Context, c memory.Seen) error {
	there := expression.AttributeExists(expression.Name("pk"))
	name := set("name", c.Name)(expression.UpdateBuilder{})
	err := r.each(ctx, span{of: personKey(c.Person, scorePrefix), only: []string{"pk", "sk"}}, func(i item) error {
		_, err := r.update(ctx, i.key(), name, there)
		return err
	})
	if err != nil {
		return err
	}
	_, err = r.update(ctx, personKey(c.Person, selfItem), name, there)
	return err
}

// People implements [memory.Backend].
func (s *Store) People(ctx context.Context, tenant string) (int64, error) {
	i, _, err := s.get(ctx, tenantKey(tenant, peopleItem))
	return i.number("people"), err
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
func (s *Store) CommandUses(ctx context.Context, tenant string) ([]memory.Use, error) {
	list := []memory.Use{}
	err := s.each(ctx, span{of: tenantKey(tenant, usePrefix), only: []string{"sk", "uses"}}, func(i item) error {
		list = append(list, memory.Use{Name: strings.TrimPrefix(i.text("sk"), usePrefix), Count: i.number("uses")})
		return nil
	})
	memory.SortUses(list)
	return list, err
}
