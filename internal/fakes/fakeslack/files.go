package fakeslack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
)

// The calls that show a file, which can be scripted and counted like any other.
const (
	FilesGetUploadURL   = "files.getUploadURLExternal"
	FileUpload          = "upload_url" // not a method of Slack's: posts to an upload URL
	FilesCompleteUpload = "files.completeUploadExternal"
)

// File is a file that a message shows.
type File struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Title   string `json:"title"`
	Content string `json:"content"`
}

// files are those on their way, by id.
type files map[string]*upload

type upload struct {
	file   File
	length int
	done   bool // the content is there
}

// getUploadURL is the first of three calls; it shows nothing.
// Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal
func (s *Server) getUploadURL(args url.Values) any {
	length, err := strconv.Atoi(args.Get("length"))
	if err != nil || length <= 0 || args.Get("filename") == "" {
		return refusal("missing_argument")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = make(files)
	}
	id := fmt.Sprintf("F%08d", len(s.files)+1)
	s.files[id] = &upload{file: File{ID: id, Name: args.Get("filename")}, length: length}
	return map[string]any{"ok": true, "upload_url": s.url + "/upload/v1/" + id, "file_id": id}
}

// upload is the second call: the content as it is, or as the only field of a form,
// as Slack's own client sends it. It wants no token; only that client's is taken.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	content, isForm, err := uploaded(r)
	fault := s.begin(FileUpload)
	if fault == (Fault{}) && (err != nil || r.Header.Get("Authorization") != "" && !isForm || !s.fits(path.Base(r.URL.Path), content)) {
		http.Error(w, "not the file that was announced", http.StatusBadRequest)
		return
	}
	s.perform(w, r, fault, func() any {
		s.mu.Lock()
		defer s.mu.Unlock()
		u := s.files[path.Base(r.URL.Path)]
		u.file.Content, u.done = string(content), true
		return fmt.Sprint("OK - ", len(content))
	})
}

func uploaded(r *http.Request) (content []byte, isForm bool, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		content, err = io.ReadAll(r.Body)
		return content, false, err
	}
	field, err := form.NextPart()
	if err != nil {
		return nil, true, err
	}
	content, err = io.ReadAll(field)
	return content, true, err
}

func (s *Server) fits(id string, content []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.files[id]
	return ok && !u.done && u.length == len(content)
}

// completeUpload is the third call: it shows the files in a channel.
// Source: https://docs.slack.dev/reference/methods/files.completeUploadExternal
func (s *Server) completeUpload(args url.Values) any {
	var list []File
	if json.Unmarshal([]byte(args.Get("files")), &list) != nil || len(list) == 0 {
		return refusal("invalid_arguments")
	}
	m := Message{Channel: args.Get("channel_id"), ThreadTS: args.Get("thread_ts"), User: s.opts.BotUser, BotID: s.opts.BotID}
	s.mu.Lock()
	for _, f := range list {
		u, ok := s.files[f.ID]
		if !ok || !u.done {
			s.mu.Unlock()
			return refusal("file_not_found")
		}
		u.file.Title = f.Title
		m.Files = append(m.Files, u.file)
	}
	s.mu.Unlock()
	if m.Channel != "" { // else the files stay private
		s.add(m)
	}
	return map[string]any{"ok": true, "files": wireFiles(m.Files)}
}

// wireFiles are files as the Web API tells of them.
func wireFiles(list []File) []map[string]any {
	wire := make([]map[string]any, len(list))
	for i, f := range list {
		wire[i] = map[string]any{"id": f.ID, "name": f.Name, "title": f.Title, "size": len(f.Content), "mimetype": "text/plain"}
	}
	return wire
}
