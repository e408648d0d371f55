package slack

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	methodStatus   = "assistant.threads.setStatus"
	methodReact    = "reactions.add"
	methodUnreact  = "reactions.remove"
	statusLasts    = 2 * time.Minute
	workingEmoji   = "eyes"
	signOfStatus   = "status"
	signOfReaction = "reaction"
	signOfSession  = "session"
)

var _ platforms.Signer = (*Adapter)(nil)

// signsPerMinute is how many signs a workspace gets: its tier for them is 50
// calls. Who comes beyond that is answered without.
const signsPerMinute = 45

// shownSigns are how many signs were shown lately, and what of them needs no
// call to go.
type shownSigns struct {
	mu      sync.Mutex
	recent  map[string][]time.Time // by workspace
	cleared map[string]bool        // threads whose status went with the reply
}

// room reports whether a workspace may get one more sign, and counts it.
func (s *shownSigns) room(workspace string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recent == nil || len(s.recent) >= maxStreams {
		s.recent = make(map[string][]time.Time)
	}
	recent := slices.DeleteFunc(s.recent[workspace], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if len(recent) < signsPerMinute {
		s.recent[workspace] = append(recent, now)
		return true
	}
	s.recent[workspace] = recent
	return false
}

// reply notes that a reply came into a thread, which takes its status away;
// set, that it has one again.
func (s *shownSigns) reply(thread string) { s.note(thread, true) }

func (s *shownSigns) set(thread string) { s.note(thread, false) }

func (s *shownSigns) note(thread string, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cleared == nil || len(s.cleared) >= maxStreams { // what is forgotten costs a call
		s.cleared = make(map[string]bool)
	}
	if delete(s.cleared, thread); gone {
		s.cleared[thread] = true
	}
}

func (s *shownSigns) went(thread string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cleared[thread]
}

// Sign implements [platforms.Signer]: by the status of the thread, which goes
// when the reply comes, and where there is none by a reaction to the message.
// Source: https://docs.slack.dev/reference/methods/assistant.threads.setStatus
func (a *Adapter) Sign(ctx context.Context, to platforms.Address, words string) (sign string, lasts time.Duration, err error) {
	if to.Extra[pageOf] != "" || to.Private && !direct(to.ChatID) { // nobody else is to see that somebody asked
		return "", 0, nil
	}
	if a.present(to) != nil || !a.signs.room(to.Tenant, a.now()) {
		return "", 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	if a.has(to, methodSession) {
		err = a.session(ctx, to, sessionProcessing)
		if err == nil {
			return signOfSession, 0, nil
		}
		if !a.cannot(to.Tenant, methodSession, err) {
			return "", 0, err
		}
	}
	if a.has(to, methodStatus) {
		err = a.status(ctx, to, words)
		if err == nil {
			a.signs.set(streamID(to, to.ThreadID))
			return signOfStatus, statusLasts, nil
		}
		if !a.cannot(to.Tenant, methodStatus, err) {
			return "", 0, err
		}
	}
	if to.MessageID == "" || !a.can(to.Tenant, methodReact) {
		return "", 0, nil
	}
	err = a.react(ctx, to, methodReact)
	if err == nil || failure.CodeOf(err) == "already_reacted" {
		return signOfReaction, 0, nil
	}
	a.cannot(to.Tenant, methodReact, err)
	return "", 0, err
}

// Unsign implements [platforms.Signer].
func (a *Adapter) Unsign(ctx context.Context, to platforms.Address, sign string) error {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	var failed error
	is := func(kind string) bool { return sign == kind || sign == "" }
	if is(signOfSession) && a.has(to, methodSession) {
		failed = worst(failed, a.session(ctx, to, sessionActive))
	}
	if is(signOfStatus) && a.has(to, methodStatus) && !a.signs.went(streamID(to, to.ThreadID)) {
		failed = worst(failed, a.status(ctx, to, ""))
	}
	if is(signOfReaction) && to.MessageID != "" && a.can(to.Tenant, methodReact) {
		failed = worst(failed, a.react(ctx, to, methodUnreact))
	}
	return failed
}

// worst returns the error that is worth another try: after a refusal
// (no_reaction, message_not_found …) there is no such sign.
func worst(failed, err error) error {
	if err == nil || failure.KindOf(err) == failure.Permanent {
		return failed
	}
	return err
}

func (a *Adapter) status(ctx context.Context, to platforms.Address, words string) error {
	form := url.Values{"channel_id": {to.ChatID}, "thread_ts": {to.ThreadID}, "status": {words}}
	return a.call(ctx, methodStatus, to, form, &taken{})
}

// react adds the reaction, or takes it away.
// Source: https://docs.slack.dev/reference/methods/reactions.add
func (a *Adapter) react(ctx context.Context, to platforms.Address, method string) error {
	form := url.Values{"channel": {to.ChatID}, "timestamp": {to.MessageID}, "name": {workingEmoji}}
	return a.call(ctx, method, to, form, &taken{})
}

// has reports whether a thread may have a sign of a kind.
func (a *Adapter) has(to platforms.Address, method string) bool {
	container := a.agent && direct(to.ChatID)
	return to.ThreadID != "" && a.can(to.Tenant, method) && (method != methodSession || container)
}

// can reports whether a method is worth calling in a workspace.
func (a *Adapter) can(workspace, method string) bool {
	return !a.absent.has(methodScope(workspace, method))
}

// cannot reports whether err says that a method is not to be had in a
// workspace, and remembers it.
func (a *Adapter) cannot(workspace, method string, err error) bool {
	switch failure.CodeOf(err) {
	case "unknown_method", "method_deprecated", "feature_not_enabled", "missing_scope", "not_allowed_token_type", "no_permission":
		a.absent.add(methodScope(workspace, method))
		return true
	}
	return failure.KindOf(err) == failure.Permanent
}
