package dynamo

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
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
	for _, p := range []memory.Period{memory.All, memory.Day} {
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
		pointer := placeKey(c.Place, scorePrefix+strings.TrimPrefix(k.pk, personPrefix)+"#"+board)
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
	return key{giver, gavePrefix + strings.TrimPrefix(reason.pk, personPrefix) + "#" + reason.sk}
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

// Leaders implements [memory.Backend]. All time has items of its own, so that
// the index gives those with most points first, equal ones in no order: of more
// than memory.MaxLeaders with equal points not all are compared by name. Other
// periods are summed by day. The index may be a moment behind.
func (s *Store) Leaders(ctx context.Context, at memory.Place, b memory.Board, period memory.Period, now time.Time, limit int) ([]memory.Leader, error) {
	people := map[string]memory.Leader{} // by partition
	boards, most := []string{allTime(at, b)}, memory.MaxLeaders
	if period != memory.All {
		boards, most = s.dayBoards(at, b, period.Span(now, s.zone)), math.MaxInt
	}
	for _, board := range boards {
		err := s.eachOnBoard(ctx, board, most, func(i item) {
			pk := i.text("pk")
			people[pk] = memory.Leader{Name: i.text("name"), Points: people[pk].Points + i.number("points")}
		})
		if err != nil {
			return nil, err
		}
	}
	list := slices.SortedFunc(maps.Values(people), func(a, b memory.Leader) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(a.Name, b.Name))
	})
	list = slices.DeleteFunc(list, func(l memory.Leader) bool { return l.Points <= 0 })
	return list[:min(limit, memory.MaxLeaders, len(list))], nil
}

// dayBoards returns the boards of the span's days, the oldest first, so that
// people are called as they were last.
func (s *Store) dayBoards(at memory.Place, b memory.Board, sp memory.Span) (boards []string) {
	const noon = 12 * time.Hour // there is no midnight on some days
	for day := sp.Starts.Add(noon); day.Before(sp.Ends); day = day.AddDate(0, 0, 1) {
		boards = append(boards, boardOf(at, b, memory.Day.Span(day, s.zone)))
	}
	return boards
}

// eachOnBoard calls fn with those on a board, most points first, at most so many.
func (s *Store) eachOnBoard(ctx context.Context, board string, most int, fn func(item)) error {
	e, err := expression.NewBuilder().WithKeyCondition(expression.Key("board").Equal(expression.Value(board))).Build()
	if err != nil {
		return err
	}
	in := &dynamodb.QueryInput{
		TableName: aws.String(s.table), IndexName: aws.String(boardIndex), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression: e.KeyCondition(), ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	}
	if most < math.MaxInt32 {
		in.Limit = aws.Int32(int32(most))
	}
	for pages := dynamodb.NewQueryPaginator(s.client, in); pages.HasMorePages() && most > 0; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain(err)
		}
		for _, i := range page.Items {
			fn(i)
		}
		most -= len(page.Items)
	}
	return nil
}
