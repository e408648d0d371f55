package turn

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/breaker"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/sentences"
)

// resume ends work that is no fresh question: what a process has died over too
// often, what has its reply but perhaps has not shown it, what nobody wants to have
// answered any more. over reports that it was one of these.
func (r *Runner) resume(ctx context.Context, w *inbox.Work) (over bool, err error) {
	lead, deaths := &w.Events[0], w.CrashedAlone()
	switch {
	case deaths >= inbox.MaxCrashes:
		return true, r.crashed(ctx, r.task(ctx, w), deaths)
	case lead.DeliveryID != 0:
		return true, r.deliverAgain(ctx, w, lead.DeliveryID)
	case isRetracted(w, false):
		return true, inbox.ErrRetracted
	case lead.CalledOff == inbox.Stopped:
		return true, errStopped
	}
	return false, nil
}

// deliverAgain shows a reply that an earlier attempt has made.
func (r *Runner) deliverAgain(ctx context.Context, w *inbox.Work, id int64) error {
	d, err := r.o.Outbox.Load(ctx, id)
	if err != nil {
		return err
	}
	if isRetracted(w, d.Seen()) {
		return inbox.ErrRetracted
	}
	return r.deliver(ctx, w, d)
}

// withoutReply says what becomes of an attempt that has made no reply: where no
// further one follows, the sentence that says so. Without a delivery and an error
// the events are put back, or at their end.
func (r *Runner) withoutReply(ctx context.Context, t *task, err error) (*outbox.Delivery, error) {
	switch {
	case errors.Is(err, errInterrupted):
		return nil, r.interrupted(ctx, t)
	case errors.Is(err, errIgnored):
		return nil, nil //nolint:nilnil // as said above
	case ctx.Err() == nil && !isCalledOff(err) && r.final(t.Work, err):
		return r.giveUp(ctx, t, err)
	}
	return nil, err
}

// settle writes to the ledger what becomes of work whose turn ended in err. It
// returns nil for what was called off, which is no failure.
func (r *Runner) settle(ctx context.Context, w *inbox.Work, err error) error {
	switch {
	case errors.Is(err, inbox.ErrRetracted):
		err = r.retracted(ctx, w)
	case errors.Is(err, errStopped):
		err = r.unseen(ctx, w)
	}
	lead := &w.Events[0]
	log := r.o.Logger.With(slog.Int64("event", lead.ID), slog.String("event_id", lead.Event.ID), slog.String("user_key", lead.Event.UserKey()))
	switch {
	case err == nil:
	case errors.Is(err, inbox.ErrLeaseLost):
		log.WarnContext(ctx, "turn given up: another worker has the conversation")
	case ctx.Err() != nil:
		r.handBack(ctx, w, log)
	default:
		r.fail(ctx, w, err, log)
	}
	return err
}

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

// noAnswer is the reply where the model has not answered: it was not asked, was
// called off, or failed. An error that a further attempt may mend is returned.
func (r *Runner) noAnswer(ctx context.Context, t *task, a reply, err error) (reply, error) {
	if spent, ok := errors.AsType[*budget.SpentError](err); ok {
		r.o.Metrics.BudgetRefused.WithLabelValues(string(spent.Scope)).Inc()
		a.text, a.detail = t.refused(spent), "refused: "+spent.Error()
		return a, nil
	}
	if _, ok := errors.AsType[*unreadError](err); ok {
		return t.unread(a), nil
	}
	switch {
	case errors.Is(err, errStopped):
		return r.stopped(t)
	case errors.Is(err, errNothingAsked):
		return a, err
	}
	return r.apologise(ctx, t, a, err)
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
