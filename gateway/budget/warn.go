package budget

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/service"
)

// warnings returns the percentages of a budget whose use is told, the highest first.
func warnings() [2]int64 { return [2]int64{95, 80} }

// Warning returns the highest percentage, of 80 and 95, that is used of it; 0 =
// neither is.
func (s *State) Warning() int64 { return warning(s.Used, s.Limit) }

func warning(used, limit int64) int64 {
	for _, percent := range warnings() {
		if limit > 0 && used >= enough(limit, percent) {
			return percent
		}
	}
	return 0
}

// enough returns how many tokens are so many percent of a limit, rounded up.
func enough(limit, percent int64) int64 {
	return limit/100*percent + (limit%100*percent+99)/100
}

// watchEvery is how often budgets are looked at for what is to be told of them.
const watchEvery = 15 * time.Second

// Watch counts what has expired, warns of budgets that are nearly used up, and keeps
// the gauges current, until ctx ends.
func (l *Ledger) Watch(ctx context.Context, m *metrics.Metrics, log *slog.Logger) {
	if !l.Bounds() {
		return
	}
	for range service.Every(ctx, watchEvery) {
		if err := l.Look(ctx, m, log); err != nil && ctx.Err() == nil {
			m.DatabaseFails.Inc()
			log.ErrorContext(ctx, "the budgets cannot be checked", slog.Any("error", err))
		}
	}
}

// Look is one round of [Ledger.Watch].
func (l *Ledger) Look(ctx context.Context, m *metrics.Metrics, log *slog.Logger) error {
	if err := l.Expire(ctx); err != nil {
		return err
	}
	if err := l.measure(ctx, m); err != nil {
		return err
	}
	due, err := l.Warn(ctx)
	for i := range due {
		s := &due[i]
		percent := s.Warning()
		m.BudgetWarnings.WithLabelValues(string(s.Scope), strconv.FormatInt(percent, 10)).Inc()
		log.WarnContext(ctx, "a budget is nearly used up", slog.String("scope", string(s.Scope)), slog.String("id", s.ID),
			slog.Int64("percent", percent), slog.Int64("used", s.Used), slog.Int64("limit", s.Limit), slog.Time("resets_at", s.Resets))
	}
	return err
}

// limit returns the bound of a scope.
func (l *Ledger) limit(s Scope) int64 {
	if s == Chat {
		return l.limits.Chat
	}
	return l.limits.Person
}

// measure sums what is used and reserved of all budgets of a scope.
func (l *Ledger) measure(ctx context.Context, m *metrics.Metrics) error {
	start, _ := l.limits.Period(l.db.Now())
	for _, scope := range [...]Scope{User, Chat} {
		var used, reserved int64
		err := l.db.QueryRow(ctx, l.db.Read(), []any{&used, &reserved},
			`SELECT COALESCE(SUM(used), 0), COALESCE(SUM(reserved), 0) FROM budgets WHERE start = ? AND scope = ?`, database.Micros(start), string(scope))
		if err != nil {
			return err
		}
		m.BudgetTokens.WithLabelValues(string(scope), "used").Set(float64(used))
		m.BudgetTokens.WithLabelValues(string(scope), "reserved").Set(float64(reserved))
	}
	return nil
}

// warnAtOnce bounds how many budgets are warned of in one round of a scope.
const warnAtOnce = 100

// Warn returns the budgets of which more of a period has come to be used than was
// warned of: each of them once for each percentage, to whichever replica asks first.
func (l *Ledger) Warn(ctx context.Context) ([]State, error) {
	start, end := l.limits.Period(l.db.Now())
	var told []State
	for _, scope := range [...]Scope{User, Chat} {
		limit := l.limit(scope)
		if limit <= 0 {
			continue
		}
		due, err := l.nearly(ctx, scope, limit, start)
		if err != nil {
			return told, err
		}
		for i := range due {
			d := &due[i]
			d.Limit, d.Start, d.Resets = limit, start.UTC(), end.UTC()
			mine, err := l.warnOnce(ctx, d.who, start, d.Warning())
			if err != nil {
				return told, err
			}
			if mine {
				told = append(told, d.State)
			}
		}
	}
	return told, nil
}

// near is a budget that is nearly used up.
type near struct {
	State

	who []byte
}

func (n *near) dest() []any { return []any{&n.who, &n.Scope, &n.ID, &n.Used, &n.Reserved} }

// nearly returns budgets of a scope that are to be warned of.
func (l *Ledger) nearly(ctx context.Context, scope Scope, limit int64, start time.Time) ([]near, error) {
	due, least := "", []any{database.Micros(start), string(scope)}
	for _, percent := range warnings() {
		if due != "" {
			due += " OR "
		}
		due += "used >= ? AND warned < ?"
		least = append(least, enough(limit, percent), percent)
	}
	list, err := database.All(ctx, l.db, l.db.Read(), (*near).dest,
		`SELECT who, scope, name, used, reserved FROM budgets WHERE start = ? AND scope = ? AND (`+due+`) ORDER BY who LIMIT ?`, append(least, warnAtOnce)...)
	if err != nil {
		return nil, fmt.Errorf("look for budgets that are nearly used up: %w", err)
	}
	return list, nil
}

// warnOnce reports whether the warning is the caller's to give.
func (l *Ledger) warnOnce(ctx context.Context, who []byte, start time.Time, percent int64) (mine bool, err error) {
	err = l.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		n, err := l.db.Exec(ctx, tx, `UPDATE budgets SET warned = ? WHERE who = ? AND start = ? AND warned < ?`, percent, who, database.Micros(start), percent)
		mine = n > 0
		return err
	})
	return mine, err
}
