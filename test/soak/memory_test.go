package soak_test

import (
	"syscall"
	"testing"
	"time"
)

const (
	// dearPage is what the first touch of a page costs at most on a machine that has
	// its memory; 0.1 to 0.5 µs are usual. A virtual machine that gets its memory
	// from the host page by page, and gives it back, was found to pay 13.
	dearPage = time.Microsecond
	// patience is how much longer acknowledgements may take at most where pages are
	// dear: a siege is memory that comes and goes.
	patience = 4
)

// allowed is the limit for acknowledgements on this machine: as it is, or more by as
// much as a page costs more.
func allowed(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	cost := pageCost(t)
	factor := min(patience, max(1, float64(cost)/float64(dearPage)))
	t.Logf("a new page costs %s; %s for an acknowledgement", cost, time.Duration(factor*float64(limit)))
	return time.Duration(factor * float64(limit))
}

// pageCost is what the first touch of a page of memory costs.
func pageCost(t *testing.T) time.Duration {
	t.Helper()
	const pages = 8192
	size := syscall.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, pages*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	}()
	begun := time.Now()
	for at := 0; at < len(memory); at += size {
		memory[at] = 1
	}
	return time.Since(begun) / pages
}
