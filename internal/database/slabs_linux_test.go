package database

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/libc"
)

// Not beside other tests: they use the same allocator. What stays is seen in
// Linux's map of the process's memory.
func TestSlabsAreKept(t *testing.T) {
	keepSlabs()
	tls := libc.NewTLS()
	defer tls.Close()
	for size := smallestBlock; size <= largestBlock; size *= 2 {
		blocks := make([]uintptr, (keptSlabs-1)*slab/size)
		for i := range blocks {
			blocks[i] = libc.Xmalloc(tls, libc.Tsize_t(size))
			require.NotZero(t, blocks[i])
		}
		for _, block := range blocks {
			libc.Xfree(tls, block)
		}
		memory, kept := memoryMap(t), 0
		for _, block := range blocks {
			if memory.holds(block) {
				kept++
			}
		}
		require.Greater(t, kept, len(blocks)/2, "blocks of %d bytes", size)
	}
}

// ranges are the addresses that the process may use.
type ranges [][2]uintptr

func memoryMap(t *testing.T) (list ranges) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for _, line := range regexp.MustCompile(`(?m)^[0-9a-f]+-[0-9a-f]+`).FindAllString(string(maps), -1) {
		var from, to uintptr
		_, err := fmt.Sscanf(line, "%x-%x", &from, &to)
		require.NoError(t, err)
		list = append(list, [2]uintptr{from, to})
	}
	return list
}

func (r ranges) holds(at uintptr) bool {
	for _, one := range r {
		if one[0] <= at && at < one[1] {
			return true
		}
	}
	return false
}
