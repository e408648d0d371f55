package turn

import "sync"

// transcripts keep what is said in recordings until their turn is at its end, so that an
// attempt after a fault of the model pays nobody to listen a second time. It is in
// memory only: another process listens anew.
type transcripts struct {
	mu    sync.Mutex
	texts map[int64]map[int]string // by the number of the event, and of its file
	n     int
}

// maxHeard bounds how many there are; beyond it they are listened to anew.
const maxHeard = 256

func (h *transcripts) of(event int64, file int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.texts[event][file]
}

func (h *transcripts) keep(event int64, file int, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n >= maxHeard {
		return
	}
	if h.texts == nil {
		h.texts = map[int64]map[int]string{}
	}
	if h.texts[event] == nil {
		h.texts[event] = map[int]string{}
	}
	h.texts[event][file] = text
	h.n++
}

// drop forgets what was said in the files of events.
func (h *transcripts) drop(events []int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range events {
		h.n -= len(h.texts[id])
		delete(h.texts, id)
	}
}
