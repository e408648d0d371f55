package walbuffer

import (
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// size of what is gathered: thirty frames of 4 KiB pages. SQLite's layer
	// for Unix writes less than 128 KiB at once.
	size = 1<<17 - 1
	// frameHeader is the size of a frame's header in the log. Its second word is
	// the size of the database, or zero when the frame does not end a transaction.
	frameHeader = 24
)

// file is what we keep of an open database or log. It lies in memory of SQLite
// and is used by one goroutine at a time, like the connection it belongs to.
type file struct {
	methods sqlite3.Tsqlite3_io_methods  // what SQLite calls
	below   *sqlite3.Tsqlite3_io_methods // what it would call without us

	log uintptr // of a database: its log, once that is open

	// Of a log:
	database uintptr
	buffer   uintptr // size bytes
	used     int     // of the buffer; they are not in the file yet
	offset   int64   // where in the file they go
	through  bool    // the transaction has ended: hold nothing back
}

type (
	transfer = func(tls *libc.TLS, id, data uintptr, n int32, offset int64) int32
	lock     = func(tls *libc.TLS, id uintptr, first, n, flags int32) int32
)

// write is xWrite of a log.
func write(tls *libc.TLS, id, data uintptr, n int32, offset int64) int32 {
	f := of(id)
	if n == frameHeader && *at[uint32](data + 4) != 0 {
		f.through = true
	}
	fits := offset == f.offset+int64(f.used) && f.used+int(n) <= size
	if f.through || f.used > 0 && !fits {
		if rc := f.send(tls, id); rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	if f.through || n > size {
		return function[transfer](f.below.FxWrite)(tls, id, data, n, offset)
	}
	if f.used == 0 {
		f.offset = offset
	}
	copy(f.bytes()[f.used:], unsafe.Slice(at[byte](data), n))
	f.used += int(n)
	return sqlite3.SQLITE_OK
}

func (f *file) bytes() []byte { return unsafe.Slice(at[byte](f.buffer), size) }

// send writes what was gathered. If that fails it stays, for the next try.
func (f *file) send(tls *libc.TLS, id uintptr) int32 {
	if f.used == 0 {
		return sqlite3.SQLITE_OK
	}
	rc := function[transfer](f.below.FxWrite)(tls, id, f.buffer, int32(f.used), f.offset)
	if rc == sqlite3.SQLITE_OK {
		f.used = 0
	}
	return rc
}

// shmLock is xShmLock of a database. Nobody else has written to the log as
// long as this connection had the write lock.
func shmLock(tls *libc.TLS, id uintptr, first, n, flags int32) int32 {
	f := of(id)
	if f.log != 0 && first == sqlite3.WAL_WRITE_LOCK && flags == sqlite3.SQLITE_SHM_UNLOCK|sqlite3.SQLITE_SHM_EXCLUSIVE {
		log := of(f.log)
		log.used, log.through = 0, false
	}
	return function[lock](f.below.FxShmLock)(tls, id, first, n, flags)
}

// read is xRead of a log.
func read(tls *libc.TLS, id, data uintptr, n int32, offset int64) int32 {
	f := of(id)
	if rc := f.send(tls, id); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[transfer](f.below.FxRead)(tls, id, data, n, offset)
}

// flush is xSync of a log.
func flush(tls *libc.TLS, id uintptr, flags int32) int32 {
	f := of(id)
	if rc := f.send(tls, id); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[func(tls *libc.TLS, id uintptr, flags int32) int32](f.below.FxSync)(tls, id, flags)
}

// truncate is xTruncate of a log.
func truncate(tls *libc.TLS, id uintptr, n int64) int32 {
	f := of(id)
	if rc := f.send(tls, id); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[func(tls *libc.TLS, id uintptr, n int64) int32](f.below.FxTruncate)(tls, id, n)
}

// fileSize is xFileSize of a log.
func fileSize(tls *libc.TLS, id, n uintptr) int32 {
	f := of(id)
	if rc := f.send(tls, id); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[func(tls *libc.TLS, id, n uintptr) int32](f.below.FxFileSize)(tls, id, n)
}

// closeLog is xClose of a log.
func closeLog(tls *libc.TLS, id uintptr) int32 {
	f := of(id)
	libc.Xfree(tls, f.buffer)
	of(f.database).log = 0
	f.buffer, f.used = 0, 0
	return function[func(tls *libc.TLS, id uintptr) int32](f.below.FxClose)(tls, id)
}
