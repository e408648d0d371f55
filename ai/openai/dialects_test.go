package openai_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/openai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/sentences"
)

var update = flag.Bool("update", false, "write the table of dialects into docs/models.md")

// dialect is what one endpoint was made to send, and what is to become of it. It
// is a file of testdata/dialects: lines "name: value", then the bodies.
type dialect struct {
	name   string
	values map[string][]string
	bodies []txtar.File
}

func (d *dialect) get(name string) string {
	if len(d.values[name]) == 0 {
		return ""
	}
	return d.values[name][0]
}

func dialects(t *testing.T) []*dialect {
	t.Helper()
	paths, err := filepath.Glob("testdata/dialects/*.txtar")
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d dialects, %v", len(paths), err)
	}
	var list []*dialect
	for _, path := range paths {
		file, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := &dialect{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), values: map[string][]string{}, bodies: file.Files}
		for line := range strings.Lines(string(file.Comment)) {
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Fatalf("%s: %q is no line of the form name: value", path, line)
			}
			d.values[name] = append(d.values[name], strings.TrimSuffix(value, "\n"))
		}
		for _, must := range []string{"provider", "fault", "source"} {
			if d.get(must) == "" {
				t.Fatalf("%s has no %s", path, must)
			}
		}
		list = append(list, d)
	}
	return list
}

// Every dialect is read the same whether a stream was asked for or not, and
// becomes the answer or the fault that its file names.
func TestDialects(t *testing.T) {
	t.Parallel()
	rows := map[string]string{}
	for _, d := range dialects(t) {
		t.Run(strings.TrimPrefix("Case"+d.get("case")+"/"+d.name, "Case/"), func(t *testing.T) {
			t.Parallel()
			for _, body := range d.bodies {
				both(t, func(t *testing.T, stream bool) {
					t.Helper()
					d.check(t, body, stream)
				})
			}
		})
		rows[d.name] = d.row()
	}
	table := "| provider | what comes | the chat is told | calls |\n| --- | --- | --- | --- |\n"
	for _, row := range slices.Sorted(maps.Values(rows)) {
		table += row
	}
	t.Log("\n" + table)
	compareTable(t, table)
}

// check plays a body once to a client.
func (d *dialect) check(t *testing.T, body txtar.File, stream bool) {
	t.Helper()
	calls := 0
	var next []byte
	transport := roundTrip(func(r *http.Request) *http.Response {
		if calls++; calls > 1 {
			next, _ = io.ReadAll(r.Body)
			return said(r)
		}
		return d.respond(r, body)
	})
	c := d.client(stream, transport)
	var seen strings.Builder
	ask := question("hi")
	ask.Model = cmp.Or(d.get("model"), "m-1")
	got, err := c.Generate(t.Context(), ask, func(s string) { seen.WriteString(s) })
	where := fmt.Sprintf("%s, %s, stream %v", d.name, body.Name, stream)
	if calls != 1 {
		t.Errorf("%s: %d calls", where, calls)
	}
	for _, text := range []string{got.Text, seen.String(), fmt.Sprint(err), fmt.Sprint(got.Calls)} {
		if strings.Contains(text, "SECRET") || strings.Contains(text, "\x00") {
			t.Errorf("%s: what is only thought, or NUL, has got out: %q", where, text)
		}
	}
	if u := d.get("usage"); u != "" && fmt.Sprint(got.PromptTokens, got.CompletionTokens, got.CachedTokens, got.WrittenTokens) != u {
		t.Errorf("%s: usage %+v, want %s", where, got.Usage, u)
	}
	if code := d.get("code"); code != "" {
		d.checkFault(t, where, err)
		return
	}
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	var called []string
	for _, call := range got.Calls {
		called = append(called, call.ID+" "+call.Function.Name+" "+call.Function.Arguments)
	}
	if got.Text != d.get("reply") || got.FinishReason != cmp.Or(d.get("finish"), "stop") || !slices.Equal(called, d.values["calls"]) {
		t.Errorf("%s: %q, finish %q, calls %q", where, got.Text, got.FinishReason, called)
	}
	if seen.String() != got.Text {
		t.Errorf("%s: shown while it came: %q", where, seen.String())
	}
	if len(got.Calls) > 0 {
		d.checkNext(t, where, c, &next, ask, got)
	}
}

// client returns one of the provider. base is where its own address counts.
func (d *dialect) client(stream bool, transport http.RoundTripper) *openai.Client {
	return openai.New(openai.Options{
		Name: d.get("name"), BaseURL: cmp.Or(d.get("base"), "http://model.test/v1"), Stream: stream, HTTPClient: &http.Client{Transport: transport},
	})
}

// checkNext gives the results of the tools back, and then asks something else: both
// requests have what the provider wants, and no other has the thoughts.
func (d *dialect) checkNext(t *testing.T, where string, c *openai.Client, body *[]byte, ask ai.Request, got ai.Response) {
	t.Helper()
	calling := conversation.Message{
		Role: conversation.RoleAssistant, Content: got.Text, Opaque: got.Opaque, Metadata: map[string]any{message.MetaToolCalls: got.Calls},
	}
	ask.Messages = append(ask.Messages, calling)
	for _, call := range got.Calls {
		ask.Messages = append(ask.Messages, conversation.Message{
			Role: conversation.RoleTool, Content: "sunny", Metadata: map[string]any{message.MetaToolCallID: call.ID},
		})
	}
	for _, more := range [][]conversation.Message{nil, {{Role: conversation.RoleAssistant, Content: "It is sunny."}, user("thanks")}} {
		ask.Messages = append(ask.Messages, more...)
		if _, err := c.Generate(t.Context(), ask, nil); err != nil {
			t.Errorf("%s: the next request: %v", where, err)
		}
		if why := fakeopenai.Refusal(fakeopenai.Provider(d.get("refuses")), *body); why != "" {
			t.Errorf("%s: the provider would refuse the next request: %s\n%s", where, why, *body)
		}
		if back := d.get("back"); back != "" && !strings.Contains(string(*body), back) || back == "" && strings.Contains(string(*body), "SECRET") {
			t.Errorf("%s: given back, want %q: %s", where, back, *body)
		}
	}
	other := openai.New(openai.Options{BaseURL: "http://other.test/v1", HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
		*body, _ = io.ReadAll(r.Body)
		return said(r)
	})}})
	ask.Model = "deepseek-v4-pro"
	if _, err := other.Generate(t.Context(), ask, nil); err != nil || strings.Contains(string(*body), "SECRET") || strings.Contains(string(*body), "c2lnbmF0dXJl") {
		t.Errorf("%s: another provider got the thoughts, %v: %s", where, err, *body)
	}
}

// said is an answer in one piece.
func said(r *http.Request) *http.Response {
	const body = `{"choices":[{"message":{"role":"assistant","content":"It is sunny."},"finish_reason":"stop"}]}`
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func (d *dialect) checkFault(t *testing.T, where string, err error) {
	t.Helper()
	if failure.CodeOf(err) != d.get("code") {
		t.Errorf("%s: %q, want %q: %v", where, failure.CodeOf(err), d.get("code"), err)
	}
	if want, _ := time.ParseDuration(cmp.Or(d.get("wait"), "0s")); failure.WaitOf(err) != want {
		t.Errorf("%s: wait %v, want %v", where, failure.WaitOf(err), want)
	}
	if text := d.get("log"); !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("%s: the log says %v, not %q", where, err, text)
	}
}

func (d *dialect) respond(r *http.Request, body txtar.File) *http.Response {
	status := http.StatusOK
	if s := d.get("status"); s != "" {
		_, _ = fmt.Sscan(s, &status)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if body.Name == "stream" {
		header.Set("Content-Type", "text/event-stream")
	}
	for _, line := range d.values["header"] {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: header, Request: r,
		Body: io.NopCloser(strings.NewReader(string(body.Data))),
	}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// row is the dialect's line in docs/models.md.
func (d *dialect) row() string {
	told, calls := "the answer", "1"
	switch {
	case d.get("code") != "":
		wait, err := d.fault()
		told = ai.Apology(err, sentences.Voice{}.Say)
		if failure.KindOf(err) == failure.Retry && wait <= ai.MaxPause {
			calls = "up to `gateway.max_attempts`"
		}
	case len(d.values["calls"]) > 0:
		told = "what comes of the tools"
	case d.get("finish") == "length":
		told = "the answer, and that the model stopped there"
	}
	return fmt.Sprintf("| %s | [%s](%s) | %s | %s |\n", d.get("provider"), d.get("fault"), d.get("source"), told, calls)
}

// fault is what the client makes of the first body.
func (d *dialect) fault() (time.Duration, error) {
	c := openai.New(openai.Options{BaseURL: "http://model.test/v1", HTTPClient: &http.Client{
		Transport: roundTrip(func(r *http.Request) *http.Response { return d.respond(r, d.bodies[0]) }),
	}})
	_, err := c.Generate(context.Background(), question("hi"), nil)
	return failure.WaitOf(err), err
}

const (
	tableBegins = "<!-- dialects: written by go test ./ai/openai -run TestDialects -update -->\n"
	tableEnds   = "<!-- end of dialects -->\n"
)

func compareTable(t *testing.T, table string) {
	t.Helper()
	const path = "../../docs/models.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	have, after, ends := strings.Cut(rest, tableEnds)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no place for the table of dialects", path)
	case have == table:
	case *update:
		if err := os.WriteFile(path, []byte(before+tableBegins+table+tableEnds+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says something else than what becomes of the dialects; write it anew: go test ./ai/openai -run TestDialects -update", path)
	}
}
