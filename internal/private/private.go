// Package private keeps the program's own files from the other users of the
// machine. Who is in the file's group stays an admin's decision.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// others are the permissions of who is neither owner nor in the group.
const others fs.FileMode = 0o007

// Keep takes the access of others from each file that is there. It goes on
// past one that it may not change.
func Keep(paths ...string) error {
	var wrong []error
	for _, path := range paths {
		if err := keep(path); err != nil {
			wrong = append(wrong, fmt.Errorf("others may read or write %s: %w", path, err))
		}
	}
	return errors.Join(wrong...)
}

func keep(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Mode()&others == 0:
		return nil // a device, such as /dev/null, is nobody's own
	}
	if err := os.Chmod(path, info.Mode()&^others); err != nil {
		return errors.Unwrap(err) // without the path, which the caller names
	}
	return nil
}

// Replacing returns the permissions of a new file that takes the place of the
// one at path: those that owner and group had there, else its owner alone.
func Replacing(path string) fs.FileMode {
	const owner fs.FileMode = 0o600
	info, err := os.Stat(path)
	if err != nil {
		return owner
	}
	return owner | info.Mode().Perm()&^others
}
