package feishu

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// codeNoScope is the refusal of an app without the permission for a call.
// https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
const codeNoScope = 99991672

var _ platforms.FileSender = (*Adapter)(nil)

// TakesFile implements [platforms.FileSender].
func (a *Adapter) TakesFile(to platforms.Address) bool { return !to.Private || !isGroup(to) }

// upload gives a file to Feishu and returns the content of the message that
// shows it. Nobody sees the file until then, and one that is uploaded twice is
// shown once: the message has the uuid. What is refused is shown as text.
// https://open.feishu.cn/document/server-docs/im-v1/file/create
func (a *Adapter) upload(ctx context.Context, p platforms.Part) (content string, err error) {
	key, err := a.call(ctx, func(ctx context.Context, token larkcore.RequestOptionFunc) (outcome, error) {
		body := larkim.NewCreateFileReqBodyBuilder().
			FileType(larkim.CreateFileFileTypeStream).FileName(p.File).File(strings.NewReader(p.Text)).Build()
		resp, err := a.im.File.Create(ctx, larkim.NewCreateFileReqBuilder().Body(body).Build(), token)
		if err != nil {
			return outcome{final: true}, fmt.Errorf("upload: %w", err)
		}
		o := outcome{status: resp.StatusCode, header: resp.Header, code: resp.Code, msg: resp.Msg, final: true}
		if resp.Data != nil && resp.Data.FileKey != nil {
			o.id = *resp.Data.FileKey
		}
		return o, nil
	})
	switch {
	case failure.CodeOf(err) == codeName(codeNoScope):
		return "", fmt.Errorf("files need the scope im:resource: %w", err)
	case err != nil:
		return "", withoutEffect(err)
	}
	return fileContent(key)
}

// fileContent returns the content of a file message.
// https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
func fileContent(key string) (string, error) {
	b, err := json.Marshal(map[string]string{"file_key": key})
	if err != nil {
		return "", fmt.Errorf("encode a file message: %w", err)
	}
	return string(b), nil
}
