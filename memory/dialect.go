package memory

import (
	"math"

	"github.com/parley-bot/parley/internal/database"
)

// pageOf returns how many rows of memory_points a backup reads at once: all in
// one go where the next page would be found by reading from the first.
func pageOf(engine database.Engine) int {
	if engine == database.SQLite {
		return pointsPage
	}
	return math.MaxInt32
}
