package gateway

// Watched reports whether somebody in this process waits for an event.
func (g *Gateway) Watched(id int64) bool {
	g.hub.mu.Lock()
	defer g.hub.mu.Unlock()
	return len(g.hub.subs[id]) > 0
}
