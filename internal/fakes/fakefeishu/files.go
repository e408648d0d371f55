package fakefeishu

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// Files is the route that takes a file, which is then shown by a message.
const Files Route = "files"

// file is one that was uploaded.
type file struct{ name, content string }

// upload takes a file and shows nothing.
// https://open.feishu.cn/document/server-docs/im-v1/file/create
func (s *Server) upload(r *http.Request, body []byte) (int, answer) {
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(int64(len(body)))
	if err != nil || strings.Join(form.Value["file_type"], "") != "stream" || len(form.File["file"]) != 1 {
		return http.StatusBadRequest, answer{Code: codeBadFile, Msg: "Invalid request param."}
	}
	part, err := form.File["file"][0].Open()
	if err != nil {
		return http.StatusBadRequest, answer{Code: codeBadFile, Msg: "Invalid request param."}
	}
	defer part.Close()
	content, err := io.ReadAll(part)
	name := strings.Join(form.Value["file_name"], "")
	if err != nil || name == "" || len(content) == 0 {
		return http.StatusBadRequest, answer{Code: codeEmptyFile, Msg: "File's size can't be 0."}
	}
	key := s.newID("file_")
	if s.files == nil {
		s.files = map[string]file{}
	}
	s.files[key] = file{name, string(content)}
	return http.StatusOK, answer{Msg: "success", Data: map[string]string{"file_key": key}}
}
