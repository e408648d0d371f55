package web

import "net/http"

// Handler is the whole server, without its listener.
func (s *Server) Handler() http.Handler { return s.echo }

// UnverifiedBytes is the memory that bodies hold which nobody has vouched for.
func (s *Server) UnverifiedBytes() int64 {
	s.unverified.mu.Lock()
	defer s.unverified.mu.Unlock()
	return s.unverified.used
}
