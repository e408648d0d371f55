package dynamo

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

func scoreKey(p memory.Person, board string) key { return personKey(p, scorePrefix+board) }

func boardOf(at memory.Place, b memory.Board, s memory.Span) string {
	return hex.EncodeToString(memory.BoardKey(at, b, s))
}

func allTime(at memory.Place, b memory.Board) string {
	return boardOf(at, b, memory.Span{Name: string(memory.All)})
}

func (r run) addScore(ctx context.Context, c memory.AddScore) (memory.Result, error) {
	res := memory.Result{Done: true}
	name, err := r.boardName(ctx, c)
	if err != nil {
		return res, err
	}
	if c.Reason != "" {
		if err := r.addReason(ctx, c); err != nil {
			return res, err
		}
	}
	if c.N == 0 {
		res.Total, err = r.Score(ctx, c.Place, c.Board, c.Person)
		return res, err
	}
	for _, p := range memory.Periods() {
		points, err := r.addPoints(ctx, c, p, name)
		if err != nil {
			return res, err
		}
		if p == memory.All {
			res.Total = points
		}
	}
	return res, nil
}

// addPoints adds the points of one period and returns how many there are then.
func (r run) addPoints(ctx context.Context, c memory.AddScore, p memory.Period, name edit) (int64, error) {
	s := p.Span(r.at, r.zone)
	board := boardOf(c.Place, c.Board, s)
	k := scoreKey(c.Person, board)
	if !c.Place.Group && c.Place != memory.Private(c.Person) {
		// Somebody else's points in a private chat go when its owner is forgotten.
		pointer := placeKey(c.Place, scorePrefix+strings.TrimPrefix(k.pk, "person#")+"#"+board)
		if err := r.put(ctx, pointer, item{"to": text(k.pk), "at": text(k.sk)}); err != nil {
			return 0, err
		}
	}
	edits := []edit{add("points", c.N), name, set("board", board), set("place", hex.EncodeToString(c.Place.Hash()))}
	if p != memory.All {
		edits = append(edits, set("span", s.Name))
	}
	after, err := r.once(ctx, k, r.effect, edits...)
	return after.number("points"), err
}

// boardName sets how the board shows the person.
func (r run) boardName(ctx context.Context, c memory.AddScore) (edit, error) {
	if c.Name != "" {
		return set("name", c.Name), nil
	}
	find := r.Name // of who has just written there
	if c.Board == memory.Kudos {
		find = func(ctx context.Context, p memory.Person) (string, error) { return r.NameAt(ctx, c.Place, p) }
	}
	known, err := find(ctx, c.Person)
	if known != "" || err != nil {
		return set("name", known), err
	}
	return setNew("name", c.Person.SenderID), nil
}

// addReason keeps why, and drops what is more than memory.MaxReasons.
func (r run) addReason(ctx context.Context, c memory.AddScore) error {
	within := reasonPrefix + hex.EncodeToString(c.Place.Hash()) + "#"
	k := personKey(c.Person, fmt.Sprintf("%s%016d#%x", within, database.Micros(r.at), r.effect))
	giver := personKey(c.By, "").pk
	if err := r.put(ctx, gaveKey(giver, k), item{"to": text(k.pk), "at": text(k.sk)}); err != nil {
		return err
	}
	if err := r.put(ctx, k, item{"reason": text(c.Reason), "giver": text(giver), "given": number(database.Micros(r.at))}); err != nil {
		return err
	}
	kept := 0
	return r.each(ctx, span{of: key{k.pk, within}, newest: true}, func(i item) error {
		if kept++; kept <= memory.MaxReasons {
			return nil
		}
		return r.dropReason(ctx, i)
	})
}

// dropReason removes a reason and then what points at it.
func (s *Store) dropReason(ctx context.Context, i item) error {
	if err := s.remove(ctx, i.key()); err != nil {
		return err
	}
	err := s.remove(ctx, gaveKey(i.text("giver"), i.key()))
	return err
}

// gaveKey is where the giver's partition points at a reason.
func gaveKey(giver string, reason key) key {
	return key{giver, gavePrefix + strings.TrimPrefix(reason.pk, "person#") + "#" + reason.sk}
}

// Score implements [memory.Backend].
func (s *Store) Score(ctx context.Context, at memory.Place, b memory.Board, p memory.Person) (int64, error) {
	i, _, err := s.get(ctx, scoreKey(p, allTime(at, b)))
	return i.number("points"), err
}

// Reasons implements [memory.Backend].
func (s *Store) Reasons(ctx context.Context, at memory.Place, p memory.Person, limit int) ([]memory.Reason, error) {
	within := span{of: personKey(p, reasonPrefix+hex.EncodeToString(at.Hash())+"#"), newest: true, limit: int32(min(limit, memory.MaxReasons))}
	list := []memory.Reason{}
	err := s.each(ctx, within, func(i item) error {
		list = append(list, memory.Reason{Text: i.text("reason"), At: database.Time(i.number("given"))})
		return nil
	})
	return list, err
}

// Leaders implements [memory.Backend]. The index gives those with most points
// first, equal ones in no order: of more than memory.MaxLeaders with equal
// points not all are compared by name. It may be a moment behind.
func (s *Store) Leaders(ctx context.Context, at memory.Place, b memory.Board, period memory.Period, now time.Time, limit int) ([]memory.Leader, error) {
	board := boardOf(at, b, period.Span(now, s.zone))
	e, err := expression.NewBuilder().WithKeyCondition(expression.Key("board").Equal(expression.Value(board)).
		And(expression.Key("points").GreaterThan(expression.Value(0)))).Build()
	if err != nil {
		return nil, err
	}
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName: aws.String(s.table), IndexName: aws.String(boardIndex),
		ScanIndexForward: aws.Bool(false), Limit: aws.Int32(memory.MaxLeaders),
		KeyConditionExpression: e.KeyCondition(), ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	if err != nil {
		return nil, explain(err)
	}
	list := make([]memory.Leader, len(out.Items))
	for n, i := range out.Items {
		list[n] = memory.Leader{Name: item(i).text("name"), Points: item(i).number("points")}
	}
	slices.SortFunc(list, func(a, b memory.Leader) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(limit, len(list))], nil
}
