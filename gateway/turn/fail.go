package turn

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/sentences"
)

// handBack puts the work back at a shutdown. That is no attempt.
func (r *Runner) handBack(ctx context.Context, w *inbox.Work, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.o.Inbox.Release(ctx, w, "handed back at shutdown"); err != nil {
		log.WarnContext(ctx, "work could not be handed back; it will be retried when the lease ends", slog.Any("error", err))
	}
}

// crashed gives up on an event that has killed the process too often. The chat
// is told so, unless a reply is made already and may be on its way.
func (r *Runner) crashed(ctx context.Context, t *task, deaths int64) error {
	cause := failure.New(failure.Permanent, inbox.CodeCrashed, inbox.CrashText(deaths), nil)
	if t.lead().DeliveryID != 0 {
		return cause
	}
	d, err := r.giveUp(ctx, t, cause)
	if err != nil {
		return err
	}
	return r.show(ctx, t.Work, d)
}

// final reports whether no further attempt is to follow after err.
func (r *Runner) final(w *inbox.Work, err error) bool {
	return failure.KindOf(err) == failure.Permanent || (r.counts(w, err) && w.Events[0].Failures+1 >= r.o.MaxAttempts)
}

// counts reports whether what ended in err was an attempt: a failure of ours or
// of the model. A reply that is held back is none, nor is a call that was not made.
func (r *Runner) counts(w *inbox.Work, err error) bool {
	switch {
	case errors.Is(err, outbox.ErrHeld), errors.Is(err, outbox.ErrLeaseShort):
		return false
	case errors.Is(err, breaker.ErrOpen):
		return r.o.DB.Now().Sub(w.Events[0].ReceivedAt) > r.o.Patience
	}
	return true
}

// fail decides what becomes of work whose attempt ended in err.
func (r *Runner) fail(ctx context.Context, w *inbox.Work, err error, log *slog.Logger) {
	ctx = context.WithoutCancel(ctx)
	lead := &w.Events[0]
	code := failure.CodeOf(err)
	if failure.KindOf(err) == failure.Ambiguous {
		code = "ambiguous"
	}
	reason := code + ": " + err.Error()
	log = log.With(slog.String("error", reason), slog.Int64("attempts", lead.Attempts+w.Tries))
	final := r.final(w, err)
	next := r.o.DB.Now().Add(r.wait(lead.Failures, err))
	failed := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if final {
			return r.o.Inbox.DoneTx(ctx, tx, w, inbox.End{State: inbox.Dead, Reason: reason, Detail: reason, Tries: w.Tries})
		}
		return r.o.Inbox.FailTx(ctx, tx, w, inbox.Failure{
			Reason: reason, Wait: max(0, next.Sub(r.o.DB.Now())), Counts: r.counts(w, err), Tries: w.Tries,
		})
	})
	switch {
	case failed != nil:
		r.o.Metrics.DatabaseFails.Inc()
		log.ErrorContext(ctx, "a failed turn could not be recorded; it will be retried when the lease ends", slog.Any("cause", failed))
	case final:
		log.ErrorContext(ctx, "event is dead")
	default: // should it die of it in the end, one line says so with their number
		log.DebugContext(ctx, "turn failed; it will be tried again")
	}
}

// wait returns how long to wait after a failed attempt; what the other side
// asked for wins.
func (r *Runner) wait(failures int64, err error) time.Duration {
	if asked := failure.WaitOf(err); asked > 0 {
		return asked
	}
	d := r.o.Backoff << min(failures, 20)
	if d > r.o.MaxBackoff || d <= 0 {
		d = r.o.MaxBackoff
	}
	return d*3/4 + rand.N(d/2+1)
}

// apologise turns the last failure into the sentence that the chat gets.
func (r *Runner) apologise(ctx context.Context, t *task, a reply, err error) (reply, error) {
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	if isCalledOff(err) || failure.KindOf(err) != failure.Invalid && !r.final(t.Work, err) && !r.tooLong(t.Work, err) {
		return a, err
	}
	return a.sorry(err, t.say), nil
}

// tooLong reports whether the next attempt to ask the model would leave the person
// without a word for too long: the endpoint has named a long wait, is still
// paused, or has given no sign of life.
func (r *Runner) tooLong(w *inbox.Work, err error) bool {
	if failure.WaitOf(err) > ai.MaxPause {
		return true
	}
	paused := errors.Is(err, breaker.ErrOpen) || failure.CodeOf(err) == ai.CodeTimeout
	return paused && r.o.DB.Now().Sub(w.Events[0].ReceivedAt) > r.o.Patience
}

// sorry makes a the sentence that stands for a reply.
func (a reply) sorry(err error, say sentences.Say) reply {
	a.text, a.outcome = ai.Apology(err, say), outbox.Dead
	a.reason = failure.CodeOf(err) + ": " + err.Error()
	a.detail = "given up: " + a.reason
	a.bot, a.usage, a.apply = nil, nil, nil
	return a
}

// giveUp tells the chat that there is no reply after the last attempt failed
// for whatever reason, and keeps what the person said, unless that is what
// cannot be kept.
func (r *Runner) giveUp(ctx context.Context, t *task, cause error) (*outbox.Delivery, error) {
	a := reply{user: r.userMessages(t)}.sorry(cause, t.say)
	d, err := r.commit(ctx, t, a)
	if err == nil || errors.Is(err, inbox.ErrLeaseLost) || failure.KindOf(err) == failure.Unavailable {
		return d, err
	}
	a.user = nil
	return r.commit(ctx, t, a)
}
