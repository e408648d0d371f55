package fakeslack

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The calls that read a file of a person's.
const (
	FilesInfo    = "files.info"
	FileDownload = "url_private" // not a method of Slack's: gets a file from its host
)

// Hosted is a file that a person has shared.
type Hosted struct {
	ID       string
	Name     string
	Mimetype string
	Content  string
	Size     int64  // that is claimed; 0 = that of Content
	URL      string // where it is said to be; "" = here
	Redirect string // where a download is sent instead
	// Transcripts are the states of a recording's transcript, one for each time
	// that somebody asks, the last one for ever: "processing", "none", "failed",
	// or else what is said.
	Transcripts []string
}

// Attach puts a file on the fake's host and returns it as an event tells of it.
func (s *Server) Attach(f Hosted) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosted == nil {
		s.hosted = make(map[string]*Hosted)
	}
	s.hosted[f.ID] = &f
	return s.wireHosted(&f)
}

// wireHosted is a file as the Web API tells of it.
// Source: https://docs.slack.dev/reference/objects/file-object
func (s *Server) wireHosted(f *Hosted) map[string]any {
	address := cmp.Or(f.URL, s.url+"/files-pri/"+f.ID+"/download/"+url.PathEscape(path.Base(f.Name)))
	wire := map[string]any{
		"id": f.ID, "name": f.Name, "title": f.Name, "mimetype": f.Mimetype, "size": cmp.Or(f.Size, int64(len(f.Content))),
		"mode": "hosted", "is_external": false, "url_private": address, "url_private_download": address,
	}
	if len(f.Transcripts) > 0 {
		maps.Copy(wire, map[string]any{"subtype": "slack_audio", "transcription": transcription(f.Transcripts[0])})
	}
	return wire
}

func transcription(state string) map[string]any {
	if slices.Contains([]string{"processing", "none", "failed"}, state) {
		return map[string]any{"status": state}
	}
	return map[string]any{"status": "complete", "locale": "en-US", "preview": map[string]any{"content": state, "has_more": false}}
}

// fileInfo: https://docs.slack.dev/reference/methods/files.info
func (s *Server) fileInfo(args url.Values) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.hosted[args.Get("file")]
	if !ok {
		return refusal("file_not_found")
	}
	answer := map[string]any{"ok": true, "file": s.wireHosted(f)}
	if len(f.Transcripts) > 1 {
		f.Transcripts = f.Transcripts[1:]
	}
	return answer
}

// serveHosted is the host of files. Without the right to read them it shows a
// page to sign in on.
func (s *Server) serveHosted(w http.ResponseWriter, r *http.Request) {
	fault := s.begin(FileDownload)
	s.mu.Lock()
	f, ok := s.hosted[strings.Split(r.URL.Path, "/")[2]]
	s.mu.Unlock()
	allowed := r.Header.Get("Authorization") == "Bearer "+s.opts.Token && slices.Contains(s.granted(), "files:read")
	switch {
	case fault != (Fault{}):
		s.perform(w, r, fault, func() any { return nil })
	case !ok:
		http.NotFound(w, r)
	case !allowed:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<html>sign in</html>"))
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusFound)
	default:
		w.Header().Set("Content-Type", f.Mimetype)
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Content)))
		_, _ = w.Write([]byte(f.Content))
	}
}
