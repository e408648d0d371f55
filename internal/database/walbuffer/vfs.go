package walbuffer

import (
	"errors"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Name is what a connection puts behind vfs= once [Register] was called.
const Name = "parley-walbuffer"

// SQLite keeps one list of file layers for the process, and calls one without
// saying which connection it is for.
var (
	registered = sync.OnceValue(register) //nolint:gochecknoglobals // see above
	base       = sync.OnceValue(find)     //nolint:gochecknoglobals // see above
)

// Register makes the layer known to SQLite, once for the process. It costs
// nothing until a connection asks for it.
func Register() error { return registered() }

// layer is what ours stands upon.
type layer struct {
	vfs  *sqlite3.Tsqlite3_vfs // the one for this operating system
	size uintptr               // of what that keeps of a file; ours lies behind it
}

func find() layer {
	tls := libc.NewTLS()
	defer tls.Close()
	vfs := at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0)) // starts SQLite if need be
	if vfs == nil {
		return layer{}
	}
	return layer{vfs, (uintptr(vfs.FszOsFile) + 7) &^ 7}
}

func register() error {
	below := base()
	if below.vfs == nil {
		return errors.New("SQLite has no file layer here")
	}
	tls := libc.NewTLS()
	defer tls.Close()
	// Both live as long as the process, in memory that does not move.
	name, err := libc.CString(Name)
	if err != nil {
		return err
	}
	entry := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(*below.vfs)))
	if entry == 0 {
		return errors.New("no memory for SQLite's file layer")
	}
	vfs := at[sqlite3.Tsqlite3_vfs](entry)
	*vfs = *below.vfs
	vfs.FpNext, vfs.FzName, vfs.FxOpen = 0, name, code(open)
	vfs.FszOsFile = int32(below.size + unsafe.Sizeof(file{}))
	if rc := sqlite3.Xsqlite3_vfs_register(tls, entry, 0); rc != sqlite3.SQLITE_OK {
		return errors.New("SQLite refuses the file layer")
	}
	return nil
}

// open is xOpen. Of a database we see when it gives up the write lock, of its
// log everything but locks; other files are none of our business.
func open(tls *libc.TLS, _, name, id uintptr, flags int32, outFlags uintptr) int32 {
	below := base().vfs
	call := function[func(tls *libc.TLS, vfs, name, id uintptr, flags int32, outFlags uintptr) int32](below.FxOpen)
	rc := call(tls, address(below), name, id, flags, outFlags)
	if rc != sqlite3.SQLITE_OK {
		return rc
	}
	switch {
	case flags&sqlite3.SQLITE_OPEN_MAIN_DB != 0:
		f := wrap(id)
		f.methods.FxShmLock = code(shmLock)
	case flags&sqlite3.SQLITE_OPEN_WAL != 0:
		buffer := libc.Xmalloc(tls, size)
		if buffer == 0 {
			return rc // it works without
		}
		f := wrap(id)
		f.buffer, f.database = buffer, sqlite3.Xsqlite3_database_file_object(tls, name)
		of(f.database).log = id
		f.methods.FxWrite, f.methods.FxRead, f.methods.FxSync = code(write), code(read), code(flush)
		f.methods.FxTruncate, f.methods.FxFileSize, f.methods.FxClose = code(truncate), code(fileSize), code(closeLog)
	}
	return rc
}

// wrap puts methods of our own before those of an open file.
func wrap(id uintptr) *file {
	f, head := of(id), at[sqlite3.Tsqlite3_file](id)
	below := at[sqlite3.Tsqlite3_io_methods](head.FpMethods)
	*f = file{methods: *below, below: below}
	head.FpMethods = address(&f.methods)
	return f
}

// of returns what we keep of a file, behind what the layer below keeps of it.
func of(id uintptr) *file {
	return at[file](id + base().size)
}

// What follows converts between Go and the C that SQLite was translated from:
// an address is a uintptr to memory outside Go's, and a function is what its
// variable holds.

func at[T any](address uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&address))) }

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func code[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func function[F any](code uintptr) F { return *(*F)(unsafe.Pointer(&code)) }
