package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/parley-bot/parley/internal/failure"
)

// Table describes a table without its prefix.
type Table struct {
	Name       string
	Hash, Sort string            // its keys
	Attributes map[string]string // of keys and indexes: "S" text, "N" number
	Indexes    []Index
}

// Index is a global secondary index of a table.
type Index struct {
	Name       string
	Hash, Sort string
	Include    []string // what it shows beside keys; none: keys only
}

// The names of the index that leader boards are read from, and of the one that
// finds the points of a span that is over.
const (
	boardIndex = "board"
	spanIndex  = "span"
)

// Tables returns every table that the store needs.
func Tables() []Table {
	return []Table{{
		Name: "memory", Hash: "pk", Sort: "sk",
		Attributes: map[string]string{"pk": "S", "sk": "S", "board": "S", "points": "N", "span": "S"},
		Indexes: []Index{
			{Name: boardIndex, Hash: "board", Sort: "points", Include: []string{"name"}},
			{Name: spanIndex, Hash: "span"},
		},
	}}
}

// TableNames returns the tables' whole names.
func (s *Store) TableNames() []string {
	var list []string
	for _, t := range Tables() {
		list = append(list, s.prefix+t.Name)
	}
	return list
}

// createTimeout bounds how long a table may take to become active.
const createTimeout = 5 * time.Minute

// CreateTables makes the tables that are missing, billed on demand, and waits
// until all can be used. A table that is there is left as it is.
func (s *Store) CreateTables(ctx context.Context) error {
	for _, t := range Tables() {
		if err := s.createTable(ctx, t); err != nil {
			return fmt.Errorf("create table %s: %w", s.prefix+t.Name, err)
		}
	}
	return s.Check(ctx)
}

func (s *Store) createTable(ctx context.Context, t Table) error {
	_, err := s.client.CreateTable(ctx, t.input(s.prefix))
	if _, there := errors.AsType[*types.ResourceInUseException](err); err != nil && !there {
		return explain(err)
	}
	waiter := dynamodb.NewTableExistsWaiter(s.client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 200*time.Millisecond, 5*time.Second
	})
	return explain(waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(s.prefix + t.Name)}, createTimeout))
}

func (t Table) input(prefix string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName: aws.String(prefix + t.Name), BillingMode: types.BillingModePayPerRequest,
		KeySchema: schema(t.Hash, t.Sort),
	}
	for name, kind := range t.Attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeType(kind),
		})
	}
	for _, i := range t.Indexes {
		shown := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if len(i.Include) > 0 {
			shown = &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: i.Include}
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(i.Name), KeySchema: schema(i.Hash, i.Sort), Projection: shown,
		})
	}
	return in
}

func schema(hash, sort string) []types.KeySchemaElement {
	list := []types.KeySchemaElement{{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash}}
	if sort != "" {
		list = append(list, types.KeySchemaElement{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange})
	}
	return list
}

// Check returns nil when the tables are there, with their indexes, and can be used.
func (s *Store) Check(ctx context.Context) error {
	for _, t := range Tables() {
		name := s.prefix + t.Name
		out, err := s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(name)})
		if err != nil {
			return fmt.Errorf("table %s: %w", name, explain(err))
		}
		if err := t.fits(out.Table); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

// fits compares a table with its description.
func (t Table) fits(got *types.TableDescription) error {
	if got.TableStatus != types.TableStatusActive && got.TableStatus != types.TableStatusUpdating {
		return failure.New(failure.Retry, "dynamodb_not_ready", fmt.Sprintf("it is %s", got.TableStatus), nil)
	}
	if !same(got.KeySchema, schema(t.Hash, t.Sort)) {
		return failure.New(failure.Permanent, "dynamodb_schema", "it has other keys than parley's", nil)
	}
	for _, i := range t.Indexes {
		there := slices.ContainsFunc(got.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool {
			return aws.ToString(g.IndexName) == i.Name && same(g.KeySchema, schema(i.Hash, i.Sort))
		})
		if !there {
			return failure.New(failure.Permanent, "dynamodb_schema", "it lacks the index "+i.Name, nil)
		}
	}
	return nil
}

func same(a, b []types.KeySchemaElement) bool {
	return slices.EqualFunc(a, b, func(x, y types.KeySchemaElement) bool {
		return aws.ToString(x.AttributeName) == aws.ToString(y.AttributeName) && x.KeyType == y.KeyType
	})
}
