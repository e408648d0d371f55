package database

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/libc"
)

func TestSlabsAreKept(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads the process's memory map")
	}
	keepSlabs()
	tls := libc.NewTLS()
	defer tls.Close()
	for size := 4096; size <= largestBlock; size *= 2 {
		block := libc.Xmalloc(tls, libc.Tsize_t(size))
		require.NotZero(t, block)
		libc.Xfree(tls, block)
		require.True(t, mapped(t, block), "a block of %d bytes", size)
	}
}

// mapped reports whether the process may still use the memory at an address.
func mapped(t *testing.T, at uintptr) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for _, line := range regexp.MustCompile(`(?m)^[0-9a-f]+-[0-9a-f]+`).FindAllString(string(maps), -1) {
		var from, to uintptr
		_, err := fmt.Sscanf(line, "%x-%x", &from, &to)
		require.NoError(t, err)
		if from <= at && at < to {
			return true
		}
	}
	return false
}
