package fakeopenai

import (
	"io"
	"net/http"
	"slices"
)

// Recording is one request to write down what is said.
type Recording struct {
	Model string
	Name  string // of the file
	Data  []byte
}

// SetHeard sets what is said in recordings. It is counted as 100 tokens of sound
// and ten of text.
func (s *Server) SetHeard(text string) {
	s.base.Lock()
	defer s.base.Unlock()
	s.heard = text
}

// Recordings returns what was to be written down so far.
func (s *Server) Recordings() []Recording {
	s.base.Lock()
	defer s.base.Unlock()
	return slices.Clone(s.recordings)
}

// Blind has the model refuse pictures.
func (s *Server) Blind() {
	s.base.Lock()
	defer s.base.Unlock()
	s.blind = true
}

func (s *Server) seesNothing() bool {
	s.base.Lock()
	defer s.base.Unlock()
	return s.blind
}

// transcribe answers POST /audio/transcriptions.
// Source: https://platform.openai.com/docs/api-reference/audio/createTranscription
func (s *Server) transcribe(w http.ResponseWriter, r *http.Request) {
	file, head, err := r.FormFile("file")
	if err != nil || r.FormValue("model") == "" {
		fail(w, http.StatusBadRequest, "", "there is no file or no model")
		return
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxBody))
	if err != nil {
		return // the client is gone
	}
	var heard string
	s.base.Update(func() {
		s.recordings = append(s.recordings, Recording{r.FormValue("model"), head.Filename, data})
		heard = s.heard
	})
	writeJSON(w, http.StatusOK, map[string]any{
		"text": heard, "usage": map[string]any{"type": "tokens", "input_tokens": 100, "output_tokens": 10, "total_tokens": 110},
	})
}
