package dynamo

import (
	"bytes"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// An item that takes each effect once remembers the last ones, by the first
// bytes of their hashes, in two sets: new ones go into "recent", and when that
// is full it becomes "before". So at least maxEffects later changes of the same
// item must pass before an effect could be made again, and an item never grows
// by more than four kilobytes.
const (
	maxEffects  = 128
	effectBytes = 8
	recent      = "recent"
	before      = "before"
)

// maxTries bounds how often once looks again after others were quicker.
const maxTries = 100

// edit adds to an update what is to be changed.
type edit func(expression.UpdateBuilder) expression.UpdateBuilder

// add adds n to a number attribute.
func add(name string, n int64) edit {
	return func(u expression.UpdateBuilder) expression.UpdateBuilder {
		return u.Add(expression.Name(name), expression.Value(number(n)))
	}
}

// set sets a text attribute.
func set(name, value string) edit {
	return func(u expression.UpdateBuilder) expression.UpdateBuilder {
		return u.Set(expression.Name(name), expression.Value(text(value)))
	}
}

// setNew sets a text attribute that is not there yet.
func setNew(name, value string) edit {
	return func(u expression.UpdateBuilder) expression.UpdateBuilder {
		n := expression.Name(name)
		return u.Set(n, n.IfNotExists(expression.Value(text(value))))
	}
}

// part returns the effect of one of several changes of the same item.
func (r run) part(name string) []byte {
	return database.Hash("part", string(r.effect), name)[:effectBytes]
}

// once makes the edits unless the item knows the effect already, and returns
// the item as it is then. Both are one UpdateItem, so that it holds however
// many do it at once and whoever dies in between.
func (s *Store) once(ctx context.Context, k key, effect []byte, edits ...edit) (item, error) {
	for range maxTries {
		after, ok, err := s.updateOnce(ctx, k, effect, remember(effect, edits), room)
		if ok || err != nil {
			return after, err
		}
		now, _, err := s.get(ctx, k)
		if err != nil || now.knows(effect) {
			return now, err
		}
		if len(now.effects(recent)) < maxEffects {
			continue // somebody has made room meanwhile
		}
		after, ok, err = s.updateOnce(ctx, k, effect, turnOver(effect, edits), full)
		if ok || err != nil {
			return after, err
		}
	}
	return nil, failure.New(failure.Retry, "dynamodb_contended", "too many changes of one counter at once", nil)
}

// The conditions of the two updates, without brackets where none are needed:
// emulators take long over them. #r and #b are the sets, :e the effect.
const (
	room = "attribute_not_exists(#r) OR size(#r) < :max AND NOT contains(#r, :e) AND NOT contains(#b, :e)"
	full = "size(#r) >= :max AND NOT contains(#r, :e) AND NOT contains(#b, :e)"
)

// updateOnce is update on one of those conditions.
func (s *Store) updateOnce(ctx context.Context, k key, effect []byte, u expression.UpdateBuilder, condition string) (after item, ok bool, err error) {
	e, err := expression.NewBuilder().WithUpdate(u).Build()
	if err != nil {
		return nil, false, err
	}
	names, values := e.Names(), e.Values()
	names["#r"], names["#b"] = recent, before
	values[":max"], values[":e"] = number(maxEffects), &types.AttributeValueMemberB{Value: effect}
	return s.send(ctx, &dynamodb.UpdateItemInput{
		Key: k.attributes(), UpdateExpression: e.Update(), ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
}

// remember is the update while there is room.
func remember(effect []byte, edits []edit) expression.UpdateBuilder {
	u := expression.Add(expression.Name(recent), expression.Value(one(effect)))
	for _, e := range edits {
		u = e(u)
	}
	return u
}

// turnOver is the update that begins a new set of recent effects.
func turnOver(effect []byte, edits []edit) expression.UpdateBuilder {
	u := expression.Set(expression.Name(before), expression.Name(recent)).
		Set(expression.Name(recent), expression.Value(one(effect)))
	for _, e := range edits {
		u = e(u)
	}
	return u
}

func one(effect []byte) types.AttributeValue {
	return &types.AttributeValueMemberBS{Value: [][]byte{effect}}
}

func (i item) effects(set string) [][]byte {
	if list, ok := i[set].(*types.AttributeValueMemberBS); ok {
		return list.Value
	}
	return nil
}

// knows reports whether the item has taken the effect.
func (i item) knows(effect []byte) bool {
	is := func(e []byte) bool { return bytes.Equal(e, effect) }
	return slices.ContainsFunc(i.effects(recent), is) || slices.ContainsFunc(i.effects(before), is)
}

// took reports whether the item with this key has taken the effect.
func (s *Store) took(ctx context.Context, k key, effect []byte) (bool, error) {
	i, _, err := s.get(ctx, k)
	return i.knows(effect), err
}
