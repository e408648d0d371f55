package gateway

// Watched reports whether somebody in this process waits for an event.
func (g *Gateway) Watched(id int64) bool {
	g.hub.mu.Lock()
	defer g.hub.mu.Unlock()
	return len(g.hub.subs[id]) > 0
}

// Crowd begins a burst that lasts until the returned function is called.
func (g *Gateway) Crowd() (end func()) {
	for range crowd {
		g.shedder.arrive()
	}
	return func() {
		for range crowd {
			g.shedder.leave()
		}
	}
}

// Patience is how long a burst puts off turns.
const Patience = patience
