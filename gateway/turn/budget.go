package turn

import (
	"context"
	"log/slog"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/internal/database"
)

// reserve has the tokens of a call reserved, for who is answered.
func (r *Runner) reserve(t *task) func(ctx context.Context, prompt, answer int64) (string, int64, error) {
	if r.o.Budget == nil || !r.o.Budget.Bounds() {
		return nil
	}
	e := &t.lead().Event
	return func(ctx context.Context, prompt, answer int64) (string, int64, error) {
		return r.o.Budget.Reserve(ctx, budget.Payer{Person: person(e), ChatID: e.ChatID}, prompt, answer)
	}
}

// refused returns the sentence with which a call was refused that a budget has no room for.
func (t *task) refused(spent *budget.SpentError) string {
	key := map[budget.Scope]string{budget.User: "ai.budget", budget.Chat: "ai.budget.chat"}[spent.Scope]
	return t.say(key, spent.Limit, spent.Resets.Format("2006-01-02 15:04 MST"))
}

// countTx counts what models were called for, and settles what was reserved. It
// comes last, since the turns of many people need these rows.
func (r *Runner) countTx(ctx context.Context, tx database.Tx, t *task, calls []ai.Response) error {
	e := &t.lead().Event
	now := r.o.DB.Now()
	for i := range calls {
		c := &calls[i]
		if r.o.Budget != nil {
			if err := r.o.Budget.SettleTx(ctx, tx, c.Reserved, c.Total()-c.Discount); err != nil {
				return err
			}
		}
		if c.Total() == 0 { // nothing was sent
			continue
		}
		if err := r.o.Usage.SpendTx(ctx, tx, r.day(now), c, person(e), e.ChatID); err != nil {
			return err
		}
		if err := r.o.Usage.AddTx(ctx, tx, now, c, person(e)); err != nil {
			return err
		}
	}
	return nil
}

// day returns when the day began by the clock that budgets go by.
func (r *Runner) day(now time.Time) time.Time {
	if r.o.Budget == nil {
		return budget.Limits{}.Day(now)
	}
	return r.o.Budget.Limits().Day(now)
}

// countLost counts a call that has to be paid although it led to no reply. It is a
// commit of its own: the call was made, whatever becomes of the turn.
func (r *Runner) countLost(ctx context.Context, t *task, call ai.Response) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		return r.countTx(ctx, tx, t, []ai.Response{call})
	})
	if err != nil {
		r.o.Metrics.DatabaseFails.Inc()
		r.o.Logger.ErrorContext(ctx, "a call of a model that led to no reply is missing from the usage", slog.Any("error", err))
	}
}
