package mcp

// Changed is closed when a server is connected, lost or looked at.
func (s *Servers) Changed(name string) <-chan struct{} {
	c := s.all[name]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}
