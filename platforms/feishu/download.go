package feishu

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/lenient"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
)

// maxFiles is how many files of a message are known.
const maxFiles = 10

var _ platforms.Fetcher = (*Adapter)(nil)

// The two types of resources of a message.
const (
	resourceImage = "image"
	resourceFile  = "file"
)

// attached is what the content of a message, or an element of it, says of a file.
type attached struct {
	Tag      word `json:"tag"`
	ImageKey word `json:"image_key"`
	FileKey  word `json:"file_key"`
	FileName word `json:"file_name"`
}

// file returns it, whose kind is that of the message or its tag. A video has a
// picture beside it, which does not count.
func (at attached) file(kind string) (platforms.File, bool) {
	switch {
	case at.FileKey != "":
		return platforms.File{
			Name: platforms.FileName(cmp.Or(at.FileName.String(), kind)), Type: kindOf(kind), Ref: resourceFile + ":" + at.FileKey.String(),
		}, true
	case at.ImageKey != "":
		return platforms.File{Name: "image", Type: resourceImage, Ref: resourceImage + ":" + at.ImageKey.String()}, true
	}
	return platforms.File{}, false
}

// kindOf returns what a type of message says of its file.
func kindOf(kind string) string {
	switch kind {
	case "audio":
		return "audio"
	case "media", "video":
		return "video"
	}
	return ""
}

// filesOf returns what a message brought.
// https://open.feishu.cn/document/server-docs/im-v1/message/events/message_content
func filesOf(kind string, content nested) []platforms.File {
	if kind == "sticker" || kind == "folder" { // cannot be fetched
		return nil
	}
	var body struct {
		attached
		post
	}
	if lenient.Decode(content, &body) != nil {
		return nil
	}
	if f, ok := body.file(kind); ok {
		return []platforms.File{f}
	}
	if body.empty() {
		body.post = localized(content)
	}
	var files []platforms.File
	for _, paragraph := range list(body.Content) {
		for _, raw := range list(paragraph) {
			var at attached
			_ = lenient.Decode(raw, &at) // what is no element has no file
			if f, ok := at.file(at.Tag.String()); ok && len(files) < maxFiles {
				files = append(files, f)
			}
		}
	}
	return files
}

// Fetch implements [platforms.Fetcher].
// https://open.feishu.cn/document/server-docs/im-v1/message/get-2
func (a *Adapter) Fetch(ctx context.Context, e platforms.Event, f platforms.File, limit int64) (platforms.Content, error) {
	kind, key, ok := strings.Cut(f.Ref, ":")
	if !ok || key == "" || e.ReplyTo.MessageID == "" {
		return platforms.Content{}, failure.New(failure.Permanent, "no_file", "Feishu does not have it", nil)
	}
	address := strings.TrimRight(a.opts.BaseURL, "/") + "/open-apis/im/v1/messages/" + url.PathEscape(e.ReplyTo.MessageID) +
		"/resources/" + url.PathEscape(key) + "?type=" + url.QueryEscape(kind)
	for range 2 {
		token, err := a.token.get(ctx)
		if err != nil {
			return platforms.Content{}, withoutEffect(classify(outcome{}, err))
		}
		content, o, err := a.download(ctx, address, token, limit)
		if !refusesToken(o.code) || o.code == codeNoScope {
			return content, err
		}
		a.token.drop(token)
	}
	return platforms.Content{}, failure.New(failure.Retry, "feishu_token", "Feishu rejected the access token", nil)
}

// download reads one resource. What Feishu refuses comes as JSON without a name.
func (a *Adapter) download(ctx context.Context, address, token string, limit int64) (platforms.Content, outcome, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return platforms.Content{}, outcome{}, failure.New(failure.Permanent, "no_file", "Feishu does not have it", nil)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	patient := *a.opts.HTTPClient
	patient.Timeout = 0 // the context says how long it may take
	resp, err := patient.Do(req)
	if err != nil {
		return platforms.Content{}, outcome{}, failure.New(failure.Retry, "feishu_no_answer", "Feishu did not answer", call.WithoutAddress(err))
	}
	defer resp.Body.Close()
	isJSON := strings.Contains(resp.Header.Get("Content-Type"), "application/json")
	if resp.StatusCode != http.StatusOK || isJSON && resp.Header.Get("Content-Disposition") == "" {
		o := refusedResource(resp)
		return platforms.Content{}, o, withoutEffect(failed(o, nil))
	}
	body, err := platforms.ReadFile(resp, limit)
	if err != nil {
		return platforms.Content{}, outcome{}, err
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return platforms.Content{Body: body, Type: kind}, outcome{}, nil
}

// refusedResource reads why Feishu does not give a file; it is refused for good
// unless something else is known of the code.
func refusedResource(resp *http.Response) outcome {
	const maxRefusal = 64 << 10
	var said struct {
		Code int    `json:"code"`
		Msg  string `json:"msg"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what came of it is what there is
	_ = json.Unmarshal(text, &said)                              // a proxy says something else
	return outcome{status: resp.StatusCode, header: resp.Header, code: said.Code, msg: said.Msg, final: true}
}
