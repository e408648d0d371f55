package database

import (
	"sync"

	"modernc.org/libc"
)

const (
	// slab is what the allocator under SQLite asks the kernel for, and carves
	// blocks of one size from.
	slab = 64 << 10
	// smallestBlock and largestBlock share slabs; what is larger has its own.
	smallestBlock, largestBlock = 16, 16 << 10
	// keptSlabs is how many slabs of each of the eleven sizes stay, 2.75 MiB in all.
	keptSlabs = 4
)

// keepSlabs makes the allocator under SQLite keep its memory. It gives a slab
// back to the kernel with the last block in it. SQLite takes a page and a
// scratch area whenever it splits a page of a tree, and other short-lived
// blocks for each statement, so that slabs came and went: three system calls
// and fresh memory each time. A slab with one block that stays, stays.
var keepSlabs = sync.OnceFunc(func() { //nolint:gochecknoglobals // the allocator is the process's
	tls := libc.NewTLS()
	defer tls.Close()
	for size := smallestBlock; size <= largestBlock; size *= 2 {
		keep, spare := map[uintptr]bool{}, []uintptr{}
		for len(keep) < keptSlabs {
			block := libc.Xmalloc(tls, libc.Tsize_t(size))
			if block == 0 {
				return
			}
			if at := block / slab; keep[at] {
				spare = append(spare, block)
			} else {
				keep[at] = true
			}
		}
		for _, block := range spare {
			libc.Xfree(tls, block)
		}
	}
})
