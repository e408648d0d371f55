package dynamo

import (
	"context"
	"encoding/hex"
	"maps"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-bot/parley/memory"
)

// What sort keys are or start with; see doc.go.
const (
	selfItem     = "self"
	countItem    = "count"
	peopleItem   = "people"
	factsItem    = "facts"
	prefPrefix   = "pref#"
	scorePrefix  = "score#"
	reasonPrefix = "reason#"
	gavePrefix   = "gave#"
	factPrefix   = "fact#"
	personPrefix = "person#"
	usePrefix    = "use#"
)

// item is what DynamoDB keeps under one key.
type item map[string]types.AttributeValue

// key names an item.
type key struct{ pk, sk string }

func (k key) attributes() item {
	return item{"pk": &types.AttributeValueMemberS{Value: k.pk}, "sk": &types.AttributeValueMemberS{Value: k.sk}}
}

func personKey(p memory.Person, sk string) key {
	return key{personPrefix + hex.EncodeToString(p.Hash()), sk}
}

func placeKey(p memory.Place, sk string) key {
	return key{"place#" + hex.EncodeToString(p.Hash()), sk}
}

func realmKey(r memory.Realm, sk string) key {
	return key{"realm#" + hex.EncodeToString(r.Key()), sk}
}

// formerRealmKey is where earlier versions counted, as memory.Realm.FormerKey says.
func formerRealmKey(r memory.Realm, sk string) (key, bool) {
	former := r.FormerKey()
	return key{"tenant#" + hex.EncodeToString(former), sk}, former != nil
}

// key returns the item's own key.
func (i item) key() key { return key{i.text("pk"), i.text("sk")} }

// text returns a text attribute, "" when there is none.
func (i item) text(name string) string {
	if s, ok := i[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// number returns a number attribute, 0 when there is none.
func (i item) number(name string) int64 {
	n, ok := i[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	v, _ := strconv.ParseInt(n.Value, 10, 64)
	return v
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// get returns an item as it is now, and whether there is one.
func (s *Store) get(ctx context.Context, k key) (item, bool, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table), Key: k.attributes(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, false, explain(err)
	}
	return out.Item, len(out.Item) > 0, nil
}

// put writes an item in place of the one with its key.
func (s *Store) put(ctx context.Context, k key, attributes item) error {
	maps.Copy(attributes, k.attributes())
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: attributes})
	return explain(err)
}

// putIf is put on a condition; it reports whether that held.
func (s *Store) putIf(ctx context.Context, k key, attributes item, c expression.ConditionBuilder) (bool, error) {
	e, err := expression.NewBuilder().WithCondition(c).Build()
	if err != nil {
		return false, err
	}
	maps.Copy(attributes, k.attributes())
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.table), Item: attributes, ConditionExpression: e.Condition(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	if unmet(err) {
		return false, nil
	}
	return err == nil, explain(err)
}

// update changes an item on a condition; it reports whether that held.
func (s *Store) update(ctx context.Context, k key, u expression.UpdateBuilder, c expression.ConditionBuilder) (bool, error) {
	e, err := expression.NewBuilder().WithUpdate(u).WithCondition(c).Build()
	if err != nil {
		return false, err
	}
	_, ok, err := s.send(ctx, &dynamodb.UpdateItemInput{
		Key: k.attributes(), UpdateExpression: e.Update(), ConditionExpression: e.Condition(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	return ok, err
}

// send makes an update and returns the item as it is then; ok reports whether
// the condition held.
func (s *Store) send(ctx context.Context, in *dynamodb.UpdateItemInput) (after item, ok bool, err error) {
	in.TableName, in.ReturnValues = aws.String(s.table), types.ReturnValueAllNew
	out, err := s.client.UpdateItem(ctx, in)
	if unmet(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, explain(err)
	}
	return out.Attributes, true, nil
}

// remove deletes an item, if it is there.
func (s *Store) remove(ctx context.Context, k key) error {
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(s.table), Key: k.attributes()})
	return explain(err)
}

// removeIf deletes an item on a condition; it reports whether that held.
func (s *Store) removeIf(ctx context.Context, k key, c expression.ConditionBuilder) (bool, error) {
	e, err := expression.NewBuilder().WithCondition(c).Build()
	if err != nil {
		return false, err
	}
	_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(s.table), Key: k.attributes(), ConditionExpression: e.Condition(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	if unmet(err) {
		return false, nil
	}
	return err == nil, explain(err)
}

// span says which items of a partition to read.
type span struct {
	of     key // pk, and what sk starts with
	newest bool
	limit  int32    // 0 = all
	only   []string // the attributes wanted; none = all
}

// each calls fn with every item of the span, in the order of the sort keys or,
// with newest, in the reverse. Reads are consistent.
func (s *Store) each(ctx context.Context, sp span, fn func(item) error) error {
	in, err := s.query(sp)
	if err != nil {
		return err
	}
	left := sp.limit
	for pages := dynamodb.NewQueryPaginator(s.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain(err)
		}
		for _, i := range page.Items {
			if err := fn(i); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
	}
	return nil
}

func (s *Store) query(sp span) (*dynamodb.QueryInput, error) {
	condition := expression.Key("pk").Equal(expression.Value(sp.of.pk))
	if sp.of.sk != "" {
		condition = condition.And(expression.Key("sk").BeginsWith(sp.of.sk))
	}
	b := expression.NewBuilder().WithKeyCondition(condition)
	if len(sp.only) > 0 {
		names := make([]expression.NameBuilder, len(sp.only))
		for i, name := range sp.only {
			names[i] = expression.Name(name)
		}
		b = b.WithProjection(expression.NamesList(names[0], names[1:]...))
	}
	e, err := b.Build()
	if err != nil {
		return nil, err
	}
	in := &dynamodb.QueryInput{
		TableName: aws.String(s.table), ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!sp.newest),
		KeyConditionExpression: e.KeyCondition(), ProjectionExpression: e.Projection(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	}
	if sp.limit > 0 {
		in.Limit = aws.Int32(sp.limit)
	}
	return in, nil
}

// all returns every item of the span.
func (s *Store) all(ctx context.Context, sp span) (list []item, err error) {
	err = s.each(ctx, sp, func(i item) error {
		list = append(list, i)
		return nil
	})
	return list, err
}
