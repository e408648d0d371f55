package fakefeishu

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

const (
	// Files is the route that takes a file, which is then shown by a message.
	Files Route = "files"
	// Resources is the route that gives what a message of a person's brought.
	Resources Route = "resources"
)

// file is one that was uploaded, or that a message brought.
type file struct{ name, content string }

// Attach has a person's message have a file under a key; its media type is contentType.
func (s *Server) Attach(messageID, key, contentType, content string) {
	s.base.Update(func() {
		if s.resources == nil {
			s.resources = map[string]file{}
		}
		s.resources[messageID+"/"+key] = file{contentType, content}
	})
}

// Detach has a message not have its files any more.
func (s *Server) Detach(messageID string) {
	s.base.Update(func() {
		maps.DeleteFunc(s.resources, func(key string, _ file) bool { return strings.HasPrefix(key, messageID+"/") })
	})
}

// resource gives what a message brought.
// https://open.feishu.cn/document/server-docs/im-v1/message/get-2
func (s *Server) resource(r *http.Request, _ []byte) (int, answer) {
	kind, key := r.URL.Query().Get("type"), r.PathValue("key")
	f, ok := s.resources[r.PathValue("id")+"/"+key]
	if isImage := strings.HasPrefix(key, "img_"); !ok || isImage != (kind == "image") || !isImage && kind != "file" {
		return http.StatusBadRequest, answer{Code: codeNoResource, Msg: "File not in msg."}
	}
	return http.StatusOK, answer{resource: &f}
}

// upload takes a file and shows nothing.
// https://open.feishu.cn/document/server-docs/im-v1/file/create
func (s *Server) upload(r *http.Request, body []byte) (int, answer) {
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(int64(len(body)))
	if err != nil || strings.Join(form.Value["file_type"], "") != "stream" {
		return http.StatusBadRequest, answer{Code: codeBadFile, Msg: "Invalid request param."}
	}
	content, err := fileIn(form)
	if err != nil {
		return http.StatusBadRequest, answer{Code: codeBadFile, Msg: "Invalid request param."}
	}
	name := strings.Join(form.Value["file_name"], "")
	if name == "" || content == "" {
		return http.StatusBadRequest, answer{Code: codeEmptyFile, Msg: "File's size can't be 0."}
	}
	key := s.newID("file_")
	if s.files == nil {
		s.files = map[string]file{}
	}
	s.files[key] = file{name, content}
	return http.StatusOK, answer{Msg: "success", Data: map[string]string{"file_key": key}}
}

// fileIn returns the file of a form, which some clients send without a file name.
func fileIn(form *multipart.Form) (string, error) {
	if bare := form.Value["file"]; len(bare) == 1 {
		return bare[0], nil
	}
	if len(form.File["file"]) != 1 {
		return "", errors.New("not one file")
	}
	part, err := form.File["file"][0].Open()
	if err != nil {
		return "", err
	}
	defer part.Close()
	content, err := io.ReadAll(part)
	return string(content), err
}
