package database

// Queued returns how many callers wait for a commit that they share to begin.
func (db *DB) Queued() int {
	db.shared.mu.Lock()
	defer db.shared.mu.Unlock()
	return len(db.shared.urgent) + len(db.shared.queue)
}
