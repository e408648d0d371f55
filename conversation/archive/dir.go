package archive

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/parley-bot/parley/conversation/message"
)

// ManifestName is the file of a whole backup that holds no conversation; see
// package backup.
const ManifestName = "manifest.json"

// Files returns the names of the files in dir that are to be imported.
func Files(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".json") && !strings.HasPrefix(e.Name(), ".") && e.Name() != ManifestName {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// TotalSize returns how many bytes those of the files have that can be read.
func TotalSize(dir string, names []string) (total int64) {
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	return total
}

// OpenRegular opens a file that can be read to its end. A pipe or a device may
// have none, and even opening one may take for ever.
func OpenRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNotRegular()
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() { // it has become something else
		err = errNotRegular()
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func errNotRegular() error { return message.Invalidf("it is not a regular file") }
