package database

import (
	"sync"

	"modernc.org/libc"
)

// keepSlabs makes the allocator under SQLite keep its memory. It carves blocks
// of one size from a slab of 64 KiB and gives that back to the kernel with its
// last block. SQLite takes a page and a scratch area whenever it splits a page
// of a tree, which are often the only blocks of their size: three system calls
// and fresh memory for each split. One block of each size that stays ends this.
var keepSlabs = sync.OnceFunc(func() { //nolint:gochecknoglobals // the allocator is the process's
	tls := libc.NewTLS()
	defer tls.Close()
	for size := 16; size <= largestBlock; size *= 2 {
		libc.Xmalloc(tls, libc.Tsize_t(size))
	}
})

// largestBlock is the largest that shares a slab.
const largestBlock = 16 << 10
