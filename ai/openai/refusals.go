package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// refusals are the parameters that an endpoint was found to refuse, by model.
// What is not known to it is left out from then on.
type refusals struct {
	always []string // as configured
	mu     sync.Mutex
	by     map[string][]string
}

// optional are the parameters that a request can do without.
func optional() []string {
	return []string{"stream_options", limitOld, limitNew, "max_output_tokens", cacheKey, "reasoning_effort", "tool_choice", "user", include}
}

// The two names of the output limit.
const (
	limitOld = "max_tokens"
	limitNew = "max_completion_tokens"
)

// complaint is how endpoints say that they do not want a parameter, in any language.
var complaint = regexp.MustCompile(`(?i)unsupported|not supported|support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|extra|additional propert|invalid param|no such|does not exist|不支持|无效|未知`)

// noTools is how endpoints say that a model uses no tools.
var noTools = regexp.MustCompile(`(?i)(not|n't) support(ed)?[^.]{0,40}\b(tools?|functions?)\b|\b(tools?|function call(ing|s)?)\b[^.]{0,40}(not|n't) support|unsupported[^.]{0,20}\btools?\b|enable-auto-tool-choice`)

// noCipher is how endpoints say that a model enciphers no thoughts, or that one cannot
// be read any more.
var noCipher = regexp.MustCompile(`(?i)encrypted[ _]content`)

// learn reports whether the fault names a parameter of the request that it can do
// without, and leaves that out from then on. Of the output limit it tries the
// other name first.
func (r *refusals) learn(model string, f *fault, request []byte) bool {
	var sent map[string]json.RawMessage
	if json.Unmarshal(request, &sent) != nil || f.status < http.StatusBadRequest {
		return false
	}
	if _, there := sent["tools"]; there && noTools.MatchString(f.text) {
		r.leaveOut(model, "tools")
		return true
	}
	if _, there := sent[include]; there && noCipher.MatchString(f.text) {
		r.leaveOut(model, include)
		return true
	}
	if f.status != http.StatusBadRequest && f.status != http.StatusUnprocessableEntity || !complaint.MatchString(f.text) {
		return false
	}
	for _, name := range optional() {
		if _, there := sent[name]; !there || !names(f.text, name) {
			continue
		}
		r.leaveOut(model, name)
		return true
	}
	return false
}

// leavesOut reports whether a parameter is not sent.
func (r *refusals) leavesOut(model, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.by[model], name) || slices.Contains(r.always, name)
}

func (r *refusals) leaveOut(model, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string][]string{}
	}
	r.by[model] = append(r.by[model], name)
}

// names reports whether a message speaks of the parameter, not of something else
// that is called so: in quotes, in a path, or at the end behind a colon.
func names(text, parameter string) bool {
	quoted := regexp.QuoteMeta(parameter)
	pattern := `(?i)(['"` + "`" + `“‘]|\bbody[. ]|: ?)` + quoted + `(['"` + "`" + `”’]|[,.;]|$)`
	if strings.Contains(parameter, "_") {
		pattern = `(?i)\b` + quoted + `\b`
	}
	return regexp.MustCompile(pattern).MatchString(text)
}

// apply returns the request without what its endpoint refuses, and with extra.
func (r *refusals) apply(model string, request []byte, extra map[string]any) ([]byte, error) {
	r.mu.Lock()
	refused := slices.Clone(r.by[model])
	r.mu.Unlock()
	if len(refused)+len(r.always)+len(extra) == 0 {
		return request, nil
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(request, &body); err != nil {
		return nil, fmt.Errorf("take the request apart: %w", err)
	}
	for _, name := range refused {
		limit := body[name]
		delete(body, name)
		if limit == nil {
			continue
		}
		if other := otherLimit(name); other != "" && !slices.Contains(refused, other) {
			body[other] = limit
		}
	}
	for _, name := range r.always {
		delete(body, name)
	}
	for name, value := range extra {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", name, err)
		}
		body[name] = text
	}
	return json.Marshal(body) //nolint:wrapcheck // it was JSON
}

func otherLimit(name string) string {
	switch name {
	case limitOld:
		return limitNew
	case limitNew:
		return limitOld
	}
	return ""
}
