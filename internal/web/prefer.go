package web

import (
	"mime"
	"strings"
	"time"
)

// maxWait is how long an answer is held back at most.
const maxWait = 120 * time.Second

// streamTime is how long a stream is open unless a preference says less: a
// reply may grow for 15 minutes.
const streamTime = 16 * time.Minute

// preferredWait returns the wait preference of a request's Prefer headers, at
// most maxWait. A preference that makes no sense counts as none, and only the
// first of several counts.
//
// https://www.rfc-editor.org/rfc/rfc7240
func preferredWait(headers []string) (time.Duration, bool) {
	for _, header := range headers {
		for preference := range splitQuoted(header, ',') {
			name, value, _ := strings.Cut(firstQuoted(preference, ';'), "=")
			if strings.EqualFold(strings.TrimSpace(name), "wait") {
				return waitSeconds(unquote(strings.TrimSpace(value)))
			}
		}
	}
	return 0, false
}

// waitSeconds reads decimal digits and nothing else.
func waitSeconds(digits string) (time.Duration, bool) {
	if digits == "" {
		return 0, false
	}
	wait := time.Duration(0)
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		wait = min(wait*10+time.Duration(digit-'0')*time.Second, maxWait)
	}
	return wait, true
}

// splitQuoted yields the parts of list between separators that stand outside
// quoted strings.
func splitQuoted(list string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for list != "" {
			end := endOfPart(list, separator)
			if !yield(list[:end]) || end == len(list) {
				return
			}
			list = list[end+1:]
		}
	}
}

func firstQuoted(list string, separator byte) string {
	return list[:endOfPart(list, separator)]
}

// endOfPart returns the index of the first separator outside quotes, else the length.
func endOfPart(list string, separator byte) int {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return i
		}
	}
	return len(list)
}

func unquote(word string) string {
	if len(word) >= 2 && word[0] == '"' && word[len(word)-1] == '"' {
		return word[1 : len(word)-1]
	}
	return word
}

// wantsStream reports whether an Accept header names text/event-stream.
func wantsStream(headers []string) bool {
	for _, header := range headers {
		if !strings.Contains(strings.ToLower(header), "text/event-stream") {
			continue
		}
		for part := range splitQuoted(header, ',') {
			kind, params, err := mime.ParseMediaType(part)
			if err == nil && kind == "text/event-stream" && !zeroQuality(params["q"]) {
				return true
			}
		}
	}
	return false
}

// zeroQuality reports whether q says "not this one": 0, 0.0, 0.00 or 0.000.
func zeroQuality(q string) bool {
	return q != "" && strings.Trim(q, "0.") == ""
}
