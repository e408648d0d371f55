package signin

// Guessers returns how many addresses are kept.
func (d *Door) Guessers() int {
	d.guard.mu.Lock()
	defer d.guard.mu.Unlock()
	return len(d.guard.guessers)
}
