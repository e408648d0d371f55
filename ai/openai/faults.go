package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/lenient"
)

// fault is what an endpoint has reported instead of an answer, or in one, in
// whatever shape.
type fault struct {
	status int           // of HTTP, or what the body says; 0 = neither
	codes  []string      // codes, types and statuses by their names
	text   string        // for the log
	wait   time.Duration // that the body names

	verdict verdict // decided already
}

// Error implements error, for the log.
func (f *fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "status %d", f.status)
	if len(f.codes) > 0 {
		fmt.Fprintf(&b, ", code %q", strings.Join(f.codes, " "))
	}
	if f.text != "" {
		b.WriteString(": " + short(f.text))
	}
	return b.String()
}

const (
	// maxCause bounds what of a provider's message goes into the log: some repeat
	// the whole prompt in it.
	maxCause = 200
	// maxLooked bounds what of it is looked at.
	maxLooked = 2000
	// maxDepth bounds how deep the parts of an error may lie in each other.
	maxDepth = 6
)

// faultIn returns the fault that a value of a response with status 200 reports.
func faultIn(event string, value []byte) (*fault, bool) {
	var v struct {
		Error    json.RawMessage `json:"error"`
		Object   text            `json:"object"`
		Type     text            `json:"type"`
		Code     text            `json:"code"`
		Message  json.RawMessage `json:"message"`
		Msg      text            `json:"msg"`
		Success  *bool           `json:"success"`
		BaseResp struct {
			StatusCode json.Number `json:"status_code"` // https://platform.minimax.io/docs/api-reference/errorcode
		} `json:"base_resp"`
		ResponseMetadata struct{ Error json.RawMessage } // https://www.volcengine.com/docs/6369/67268
		Choices          list[struct {
			Error json.RawMessage `json:"error"` // OpenRouter
		}] `json:"choices"`
	}
	if value[0] == '[' {
		var all []json.RawMessage
		_ = lenient.Decode(value, &all)
		if len(all) != 1 {
			return nil, false
		}
		value = all[0]
	}
	_ = lenient.Decode(value, &v)
	says := func(raw json.RawMessage) bool {
		return len(raw) > 0 && !slices.Contains([]string{"null", `""`, "false", "0", "[]"}, string(raw))
	}
	code := strings.ToLower(string(v.Code))
	switch {
	case event == "error", v.Object == "error", v.Type == "error", v.Success != nil && !*v.Success,
		len(v.Choices) == 0 && says(v.Error), string(v.Error) != "{}" && says(v.Error), says(v.ResponseMetadata.Error),
		v.BaseResp.StatusCode != "" && v.BaseResp.StatusCode != "0",
		len(v.Choices) > 0 && says(v.Choices[0].Error),
		len(v.Choices) == 0 && (len(v.Message) > 0 || v.Msg != "") && code != "" && code != "0" && code != "200" && code != "success":
		return readFault(0, value), true
	}
	return nil, false
}

// readFault reads what a body says about a fault.
func readFault(status int, body []byte) *fault {
	f := &fault{status: status}
	var v any
	d := json.NewDecoder(bytes.NewReader(sse(body)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		if text := strings.TrimSpace(string(body)); !strings.HasPrefix(text, "<") {
			f.text = text
		} else {
			f.text = fmt.Sprintf("a page of %d bytes", len(body))
		}
		return f
	}
	f.gather("", v, 0)
	return f
}

// sse returns the JSON of an event stream that holds only a fault.
func sse(body []byte) []byte {
	if _, data, ok := bytes.Cut(body, []byte("data:")); ok && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return data
	}
	return body
}

// gather reads one part of an error under its name.
func (f *fault) gather(name string, v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			inner := key
			if name == "base_resp" && key == "status_code" {
				inner = name
			}
			f.gather(inner, v[key], depth+1)
		}
	case []any:
		if name == "loc" {
			var path []string
			for _, step := range v {
				path = append(path, fmt.Sprint(step))
			}
			f.add(strings.Join(path, "."))
			return
		}
		for _, one := range v {
			f.gather(name, one, depth+1)
		}
	case json.Number:
		f.number(name, v)
	case string:
		f.string(name, v, depth)
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (f *fault) number(name string, n json.Number) {
	switch strings.ToLower(name) {
	case "base_resp":
		f.codes = append(f.codes, "base_resp."+n.String())
	case "code", "status", "status_code", "error_code", "http_code", "errorcode":
		if i, err := strconv.Atoi(n.String()); err == nil && 100 <= i && i < 600 {
			if f.status == 0 {
				f.status = i
			}
			return
		}
		f.codes = append(f.codes, n.String())
	}
}

func (f *fault) string(name, s string, depth int) {
	switch strings.ToLower(name) {
	case "base_resp":
		f.codes = append(f.codes, "base_resp."+s)
	case "code", "type", "status", "reason", "error_code", "error_type", "errorcode":
		f.number(name, json.Number(s))
	case "param":
		f.add(fmt.Sprintf("param '%s'", s))
	case "retrydelay": // https://cloud.google.com/apis/design/errors#error_details
		if d, err := time.ParseDuration(s); err == nil && d > 0 {
			f.wait = min(d, maxWait)
		}
	case "error", "errors", "message", "msg", "detail", "details", "status_msg", "error_msg", "raw", "title", "reasons", "":
		if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
			var inner any
			d := json.NewDecoder(strings.NewReader(trimmed))
			d.UseNumber()
			if d.Decode(&inner) == nil {
				f.gather(name, inner, depth+1)
				return
			}
		}
		f.add(s)
	}
}

func (f *fault) add(s string) {
	if s == "" || len(f.text) > maxLooked {
		return
	}
	if f.text != "" {
		f.text += "; "
	}
	f.text += s
}

func short(s string) string {
	if runes := []rune(s); len(runes) > maxCause {
		return string(runes[:maxCause]) + "…"
	}
	return s
}
