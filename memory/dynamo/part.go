package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-bot/parley/internal/database"
)

// Parts implements [memory.Backend]: the items as they are. Places and people
// are hashes in them, so that a backup of this backend can be restored to it only.
func (s *Store) Parts() []database.Part { return []database.Part{itemsPart{s}} }

// itemsPart is the [database.Part] of all items. It is the one thing that scans
// the table; what changes meanwhile may be seen before or after the change.
type itemsPart struct{ s *Store }

// Title implements [database.Part].
func (itemsPart) Title() string { return "dynamodb" }

// Count implements [database.Part].
func (p itemsPart) Count(ctx context.Context) (n int64, err error) {
	err = p.scan(ctx, &dynamodb.ScanInput{Select: types.SelectCount}, func(page *dynamodb.ScanOutput) error {
		n += int64(page.Count)
		return nil
	})
	return n, err
}

func (p itemsPart) scan(ctx context.Context, in *dynamodb.ScanInput, fn func(*dynamodb.ScanOutput) error) error {
	in.TableName, in.ConsistentRead = aws.String(p.s.table), aws.Bool(true)
	for pages := dynamodb.NewScanPaginator(p.s.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain(err)
		}
		if err := fn(page); err != nil {
			return err
		}
	}
	return nil
}

// Each implements [database.Part].
func (p itemsPart) Each(ctx context.Context, fn func(record []byte) error) error {
	return p.scan(ctx, &dynamodb.ScanInput{}, func(page *dynamodb.ScanOutput) error {
		for _, i := range page.Items {
			if item(i).text(gone) != "" {
				continue // a fact that is being forgotten
			}
			record, err := marshal(i)
			if err == nil {
				err = fn(record)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// attribute is a value in DynamoDB's own JSON.
type attribute struct {
	S  *string  `json:"S,omitempty"`
	N  *string  `json:"N,omitempty"`
	B  []byte   `json:"B,omitempty"`
	BS [][]byte `json:"BS,omitempty"`
}

func marshal(i item) ([]byte, error) {
	out := make(map[string]attribute, len(i))
	for name, value := range i {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			out[name] = attribute{S: &v.Value}
		case *types.AttributeValueMemberN:
			out[name] = attribute{N: &v.Value}
		case *types.AttributeValueMemberB:
			out[name] = attribute{B: v.Value}
		case *types.AttributeValueMemberBS:
			out[name] = attribute{BS: v.Value}
		default:
			return nil, fmt.Errorf("attribute %s of %s is a %T", name, i.text("sk"), v)
		}
	}
	return json.Marshal(out)
}

func unmarshal(record []byte) (item, error) {
	var in map[string]attribute
	if err := json.Unmarshal(record, &in); err != nil {
		return nil, err
	}
	i := make(item, len(in))
	for name, v := range in {
		switch {
		case v.S != nil:
			i[name] = &types.AttributeValueMemberS{Value: *v.S}
		case v.N != nil:
			i[name] = &types.AttributeValueMemberN{Value: *v.N}
		case v.BS != nil:
			i[name] = &types.AttributeValueMemberBS{Value: v.BS}
		case v.B != nil:
			i[name] = &types.AttributeValueMemberB{Value: v.B}
		default:
			return nil, fmt.Errorf("%s has no value", name)
		}
	}
	if i.text("pk") == "" || i.text("sk") == "" {
		return nil, errors.New("it has no key")
	}
	return i, nil
}

// Add implements [database.Part]. Items that are there stay as they are.
func (p itemsPart) Add(ctx context.Context, records []json.RawMessage) error {
	for _, record := range records {
		i, err := unmarshal(record)
		if err != nil {
			return err
		}
		if err := p.add(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (p itemsPart) add(ctx context.Context, i item) error {
	k := i.key()
	switch k.sk {
	case countItem, factsItem:
		return nil // counted as they come
	case peopleItem:
		return p.raise(ctx, i)
	}
	added, err := p.s.putIf(ctx, k, i, expression.AttributeNotExists(expression.Name("pk")))
	if err != nil || !added {
		return err
	}
	switch {
	case strings.HasPrefix(k.sk, prefPrefix):
		return p.counted(ctx, key{k.pk, countItem}, "prefs")
	case strings.HasPrefix(k.sk, factPrefix) && strings.HasPrefix(k.pk, "place#"):
		return p.counted(ctx, key{k.pk, factsItem}, "facts")
	}
	return nil
}

// counted adds one to what bounds how many there may be.
func (p itemsPart) counted(ctx context.Context, k key, name string) error {
	always := expression.AttributeNotExists(expression.Name("pk")).Or(expression.AttributeExists(expression.Name("pk")))
	_, err := p.s.update(ctx, k, add(name, 1)(expression.UpdateBuilder{}), always)
	return err
}

// raise lets a tenant have as many people as the backup has, unless there are
// more: which of them are new cannot be seen in their items.
func (p itemsPart) raise(ctx context.Context, i item) error {
	n := expression.Name("people")
	_, err := p.s.putIf(ctx, i.key(), i, expression.AttributeNotExists(n).Or(n.LessThan(expression.Value(i.number("people")))))
	return err
}

// Empty implements [database.Part].
func (p itemsPart) Empty(ctx context.Context) error {
	return p.scan(ctx, &dynamodb.ScanInput{ProjectionExpression: aws.String("pk, sk")}, func(page *dynamodb.ScanOutput) error {
		for _, i := range page.Items {
			if err := p.s.remove(ctx, item(i).key()); err != nil {
				return err
			}
		}
		return nil
	})
}
