package slack

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// Mode says how a reply grows.
type Mode string

// The modes.
const (
	StreamAuto   Mode = "auto"   // by Slack's own stream where one person reads it, else by edits
	StreamNative Mode = "native" // by Slack's own stream only
	StreamEdit   Mode = "edit"   // by edits only
	StreamOff    Mode = "off"    // not at all
)

const (
	methodStart  = "chat.startStream"
	methodAppend = "chat.appendStream"
	methodStop   = "chat.stopStream"
	methodDelete = "chat.delete"

	// appendFor is how long a stream is appended to. Slack ends it some 300 s
	// after its start, whatever flows.
	// Source: https://github.com/slackapi/python-slack-sdk/issues/1859
	appendFor = 240 * time.Second
)

// streamKind is what an address holds where Slack's own stream may be used: in a
// thread that is between the bot and one member of the bot's workspace. Others
// see nothing of such a stream but its beginning, until it ends.
const (
	streamKind   = "stream"
	streamNative = "native"
)

var _ platforms.Withdrawer = (*Adapter)(nil)

// streams are those that this process has started and not yet ended.
type streams struct {
	mu   sync.Mutex
	open map[string]string // by channel and time: the text that is shown
	last map[string]string // by channel and thread: the time of the one started last
}

const maxStreams = 10_000

// said returns what an open stream shows.
func (s *streams) said(id string) (text string, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, open = s.open[id]
	return text, open
}

func (s *streams) say(id, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil || len(s.open) >= maxStreams { // whoever is forgotten goes on by edits
		s.open, s.last = make(map[string]string), make(map[string]string)
	}
	s.open[id] = text
}

// begin notes a stream that was started in a thread.
func (s *streams) begin(to platforms.Address, ts, text string) {
	s.say(streamID(to, ts), text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[streamID(to, to.ThreadID)] = ts
}

// at returns the time of the stream that is open in a thread, "" when none is.
func (s *streams) at(to platforms.Address) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ts := s.last[streamID(to, to.ThreadID)]
	if _, open := s.open[streamID(to, ts)]; !open {
		return ""
	}
	return ts
}

func (s *streams) end(to platforms.Address, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, streamID(to, ts))
	if thread := streamID(to, to.ThreadID); s.last[thread] == ts {
		delete(s.last, thread)
	}
}

// set holds what is known once and for all, within a bound.
type set struct {
	mu   sync.Mutex
	have map[string]bool
}

func (s *set) has(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have[what]
}

func (s *set) add(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have == nil || len(s.have) >= maxStreams { // to learn it again costs a call
		s.have = make(map[string]bool)
	}
	s.have[what] = true
}

// Streams implements [platforms.Streamer]. What one person sees of an answer
// at a response URL cannot be changed later.
func (a *Adapter) Streams(to platforms.Address) bool {
	if to.Private && !direct(to.ChatID) || to.Extra[responseURL] != "" || to.Extra[pageOf] != "" {
		return false
	}
	switch a.mode {
	case StreamOff:
		return false
	case StreamNative:
		return a.native(to)
	default:
		return true
	}
}

// native reports whether Slack's own stream is used at an address.
func (a *Adapter) native(to platforms.Address) bool {
	return (a.mode == StreamAuto || a.mode == StreamNative) && to.Extra[streamKind] == streamNative &&
		to.ThreadID != "" && to.UserID != "" && a.can(to.Tenant, methodStart)
}

// Open implements [platforms.Streamer]. The handle is the message's time.
func (a *Adapter) Open(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	if err := a.present(to); err != nil {
		return "", err
	}
	if a.native(to) {
		ts, err := a.start(ctx, to, p.Text)
		if failure.KindOf(err) != failure.Permanent || err == nil {
			return ts, err
		}
		a.cannot(to.Tenant, methodStart, err)
		a.log.InfoContext(ctx, "slack refused to start a stream; the reply grows by edits", slog.Any("error", err))
	}
	p.Verbs = []platforms.Verb{platforms.VerbStop}
	return a.post(ctx, to, p)
}

// start starts a stream of Slack's own. It takes no metadata.
// Source: https://docs.slack.dev/reference/methods/chat.startStream
func (a *Adapter) start(ctx context.Context, to platforms.Address, text string) (string, error) {
	form := formFor(to)
	form.Set("recipient_user_id", to.UserID)
	form.Set("recipient_team_id", to.Tenant)
	form.Set("markdown_text", text)
	var answer taken
	if err := a.call(ctx, methodStart, to, form, &answer); err != nil {
		return "", err
	}
	if answer.TS == "" {
		return "", unreadable(nil)
	}
	a.streams.begin(to, answer.TS.String(), text)
	a.signs.reply(streamID(to, to.ThreadID))
	return answer.TS.String(), nil
}

func streamID(to platforms.Address, ts string) string { return to.ChatID + ":" + ts }

// Edit implements [platforms.Streamer]. Slack's own stream only grows, and not
// for long; what it cannot show is shown by an edit, which ends it.
func (a *Adapter) Edit(ctx context.Context, to platforms.Address, handle, text string, _ int64) error {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	said, open := a.streams.said(streamID(to, handle))
	if open {
		more, grows := strings.CutPrefix(text, said)
		if grows && !a.old(handle) {
			if more == "" {
				return nil
			}
			if done, err := a.append(ctx, to, handle, more, text); done {
				return err
			}
		}
		if err := a.stop(ctx, to, handle, ""); err != nil {
			return err
		}
	}
	return a.change(ctx, to, handle, platforms.Part{Text: text, Verbs: []platforms.Verb{platforms.VerbStop}})
}

// old reports whether a stream is so old that Slack may end it.
func (a *Adapter) old(ts string) bool {
	at, ok := parseTS(ts)
	return !ok || a.now().Sub(at) >= appendFor
}

// append adds to a stream. It reports false when the stream has ended, or
// nobody knows what it shows.
// Source: https://docs.slack.dev/reference/methods/chat.appendStream
func (a *Adapter) append(ctx context.Context, to platforms.Address, ts, more, whole string) (done bool, err error) {
	form := url.Values{"channel": {to.ChatID}, "ts": {ts}, "markdown_text": {more}}
	err = a.call(ctx, methodAppend, to, form, &taken{})
	switch {
	case err == nil:
		a.streams.say(streamID(to, ts), whole)
		return true, nil
	case failure.KindOf(err) == failure.Retry:
		return true, err
	}
	return false, err
}

// stop ends a stream, with metadata that its message is found by. It is no
// error that it has ended already.
// Source: https://docs.slack.dev/reference/methods/chat.stopStream
func (a *Adapter) stop(ctx context.Context, to platforms.Address, ts, metadata string) error {
	form := url.Values{"channel": {to.ChatID}, "ts": {ts}}
	if metadata != "" {
		form.Set("metadata", metadata)
	}
	err := a.call(ctx, methodStop, to, form, &taken{})
	if err != nil && failure.KindOf(err) != failure.Permanent {
		return err
	}
	a.streams.end(to, ts)
	return nil
}

// Close implements [platforms.Streamer]. The blocks of stopStream would stand
// below what was streamed; so the message is written anew once it has ended.
func (a *Adapter) Close(ctx context.Context, to platforms.Address, handle string, p platforms.Part, _ int64) error {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	if _, open := a.streams.said(streamID(to, handle)); open {
		if err := a.stop(ctx, to, handle, metadata(p)); err != nil {
			return err
		}
	}
	err := a.change(ctx, to, handle, p)
	if failure.CodeOf(err) == "streaming_state_conflict" { // started by a process that is gone
		if err := a.stop(ctx, to, handle, metadata(p)); err != nil {
			return err
		}
		err = a.change(ctx, to, handle, p)
	}
	if failure.KindOf(err) == failure.Permanent && failure.CodeOf(err) != "message_not_found" {
		// What is sent anew must not stand beside what could not be changed.
		_ = a.remove(ctx, to, handle)
	}
	return err
}

// Withdraw implements [platforms.Withdrawer]. A message that still streams cannot
// be removed.
func (a *Adapter) Withdraw(ctx context.Context, to platforms.Address, handle string) error {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	if _, open := a.streams.said(streamID(to, handle)); open {
		if err := a.stop(ctx, to, handle, ""); err != nil {
			return err
		}
	}
	err := a.remove(ctx, to, handle)
	if failure.CodeOf(err) == "cant_delete_message" { // it streams for a process that is gone
		if err := a.stop(ctx, to, handle, ""); err != nil {
			return err
		}
		err = a.remove(ctx, to, handle)
	}
	if failure.CodeOf(err) == "message_not_found" {
		return nil
	}
	return err
}

// change writes a message anew. Blocks leave no mark that it was edited.
// Source: https://docs.slack.dev/reference/methods/chat.update
func (a *Adapter) change(ctx context.Context, to platforms.Address, ts string, p platforms.Part) error {
	form := url.Values{"channel": {to.ChatID}, "ts": {ts}}
	if p.Key != "" {
		form.Set("metadata", metadata(p))
	}
	return a.show(ctx, methodUpdate, to, form, p, &taken{})
}

// remove takes a message of ours away.
// Source: https://docs.slack.dev/reference/methods/chat.delete
func (a *Adapter) remove(ctx context.Context, to platforms.Address, ts string) error {
	form := url.Values{"channel": {to.ChatID}, "ts": {ts}}
	return a.call(ctx, methodDelete, to, form, &taken{})
}

// streamOf says which kind of stream suits the thread that m is answered in:
// Slack's own where only who asks reads it as it grows.
func (m *message) streamOf(e *platforms.Event) string {
	member := m.UserTeam == "" || m.UserTeam.String() == e.Tenant
	own := m.ThreadTS == "" || m.ParentUserID == m.User || e.ChatType == platforms.Private
	if e.ThreadID == "" || !member || !own {
		return ""
	}
	return streamNative
}
