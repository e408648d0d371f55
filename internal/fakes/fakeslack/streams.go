package fakeslack

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Methods of messages that grow.
const (
	ChatStartStream  = "chat.startStream"
	ChatAppendStream = "chat.appendStream"
	ChatStopStream   = "chat.stopStream"
	ChatDelete       = "chat.delete"
)

// The states of a message that grows.
const (
	Streaming = "in_progress"
	Completed = "completed"
	Errored   = "errored"
)

const (
	maxChunk   = 12_000 // characters at once
	inText     = "markdown_text"
	inChunks   = "chunks"
	streamLife = 300 * time.Second
)

// startStream begins a message that grows. It takes no metadata.
// Source: https://docs.slack.dev/reference/methods/chat.startStream
func (s *Server) startStream(args url.Values) any {
	m := Message{
		Channel: args.Get("channel"), ThreadTS: args.Get("thread_ts"), User: s.opts.BotUser, BotID: s.opts.BotID,
		Text: chunk(args), StreamingState: Streaming, started: s.opts.Now(), mode: modeOf(args),
	}
	direct := strings.HasPrefix(m.Channel, "D")
	switch {
	case m.Channel == "":
		return refusal("channel_not_found")
	case m.ThreadTS == "":
		return refusal("channel_type_not_supported")
	case !direct && args.Get("recipient_user_id") == "":
		return refusal("missing_recipient_user_id")
	case !direct && args.Get("recipient_team_id") == "":
		return refusal("missing_recipient_team_id")
	case utf8.RuneCountInString(m.Text) > maxChunk:
		return refusal("msg_too_long")
	case s.isGone(m.Channel, m.ThreadTS):
		return refusal("thread_not_found")
	}
	return map[string]any{"ok": true, "channel": m.Channel, "ts": s.add(m)}
}

// chunk is what a call adds: text, or chunks of which some are text.
func chunk(args url.Values) string {
	var chunks []struct{ Type, Text string }
	_ = json.Unmarshal([]byte(args.Get(inChunks)), &chunks)
	var text strings.Builder
	text.WriteString(args.Get(inText))
	for _, c := range chunks {
		if c.Type == inText {
			text.WriteString(c.Text)
		}
	}
	return text.String()
}

// modeOf says in which of two forms a call brings its words, "" when it brings none.
// A stream keeps the form of the first that brought some.
func modeOf(args url.Values) string {
	switch {
	case args.Get(inChunks) != "":
		return inChunks
	case args.Get(inText) != "":
		return inText
	default:
		return ""
	}
}

// appendStream adds to such a message.
// Source: https://docs.slack.dev/reference/methods/chat.appendStream
func (s *Server) appendStream(args url.Values) any {
	more := chunk(args)
	if utf8.RuneCountInString(more) > maxChunk {
		return refusal("msg_too_long")
	}
	return s.grow(args, func(m *Message) string {
		m.Text += more
		return ""
	})
}

// stopStream completes such a message. Its blocks stand below the text.
// Source: https://docs.slack.dev/reference/methods/chat.stopStream
func (s *Server) stopStream(args url.Values) any {
	return s.grow(args, func(m *Message) string {
		if code := refuseBlocks(args.Get("blocks")); code != "" {
			return code
		}
		if raw := args.Get("metadata"); raw != "" && json.Unmarshal([]byte(raw), &m.Metadata) != nil {
			return "invalid_metadata_format"
		}
		m.Text += chunk(args)
		m.Blocks, m.StreamingState = blocksIn(args), Completed
		return ""
	})
}

// grow changes a message that is still growing.
func (s *Server) grow(args url.Values, change func(*Message) string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, mode := s.find(args), modeOf(args)
	switch {
	case m == nil:
		return refusal("message_not_found")
	case m.StreamingState != Streaming:
		return refusal("message_not_in_streaming_state")
	case mode != "" && m.mode != "" && mode != m.mode:
		return refusal("streaming_mode_mismatch")
	}
	m.mode = cmp.Or(m.mode, mode)
	if code := change(m); code != "" {
		return refusal(code)
	}
	s.notify()
	return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS}
}

// find returns the message that a call names, nil when there is none. A stream
// that is too old has ended by itself. The caller holds mu.
func (s *Server) find(args url.Values) *Message {
	channel, ts := args.Get("channel"), cmp.Or(args.Get("ts"), args.Get("timestamp"))
	i := slices.IndexFunc(s.messages, func(m Message) bool { return m.Channel == channel && m.TS == ts })
	if i < 0 {
		return nil
	}
	s.expire(&s.messages[i])
	return &s.messages[i]
}

func (s *Server) expire(m *Message) {
	if m.StreamingState == Streaming && s.opts.Now().Sub(m.started) >= streamLife {
		m.StreamingState = Errored
	}
}

// remove takes a message of the bot's away.
// Source: https://docs.slack.dev/reference/methods/chat.delete
func (s *Server) remove(args url.Values) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args)
	switch {
	case m == nil:
		return refusal("message_not_found")
	case m.StreamingState == Streaming, m.User != s.opts.BotUser:
		return refusal("cant_delete_message")
	}
	ts := m.TS
	s.messages = slices.DeleteFunc(s.messages, func(one Message) bool { return one.TS == ts && one.Channel == args.Get("channel") })
	s.notify()
	return map[string]any{"ok": true, "channel": args.Get("channel"), "ts": ts}
}

// Delete takes away a message, as its author does. What is said in its thread
// afterwards stands in the channel.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(m Message) bool { return m.Channel == channel && m.TS == ts })
	if s.gone == nil {
		s.gone = make(map[string]bool)
	}
	s.gone[channel+":"+ts] = true
	s.notify()
}

func (s *Server) isGone(channel, ts string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone[channel+":"+ts]
}
