package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-bot/parley/memory"
)

// lookBack is how far back Trim looks for spans that are over. It runs every
// day, so that older ones are long gone.
const lookBack = 2 * 366 * 24 * time.Hour

// Trim implements [memory.Backend]: days that are over go, since the points of
// all time hold them. So do weeks and months, which earlier versions counted.
// Every one of the last two years is one short query of an index; nothing is
// scanned. Effects are forgotten by themselves.
func (s *Store) Trim(ctx context.Context, now time.Time) error {
	limit := now.Add(-memory.KeepPeriods)
	for _, p := range memory.Periods() {
		if p == memory.All {
			continue
		}
		for sp := p.Span(limit, s.zone); sp.Ends.After(limit.Add(-lookBack)); sp = p.Span(sp.Starts.Add(-time.Hour), s.zone) {
			if sp.Ends.After(limit) {
				continue
			}
			if err := s.trimSpan(ctx, sp); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) trimSpan(ctx context.Context, sp memory.Span) error {
	e, err := expression.NewBuilder().WithKeyCondition(expression.Key("span").Equal(expression.Value(sp.Name))).Build()
	if err != nil {
		return err
	}
	pages := dynamodb.NewQueryPaginator(s.client, &dynamodb.QueryInput{
		TableName: aws.String(s.table), IndexName: aws.String(spanIndex),
		KeyConditionExpression: e.KeyCondition(), ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain(err)
		}
		for _, i := range page.Items {
			if err := s.remove(ctx, item(i).key()); err != nil {
				return err
			}
		}
	}
	return nil
}
