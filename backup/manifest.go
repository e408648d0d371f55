package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-bot/parley/conversation/archive"
)

// ManifestName is the file that makes a folder a whole backup.
const ManifestName = archive.ManifestName

// format is the newest form of folders that this version writes and reads.
const format = 1

// Manifest says what is in a folder.
type Manifest struct {
	Format    int              `json:"format"`
	Program   string           `json:"program"` // the version that wrote it
	Schema    string           `json:"schema"`  // the newest migration of the database
	CreatedAt time.Time        `json:"created_at"`
	Counts    map[string]int64 `json:"counts"` // conversations, messages, and the records of each part
	Files     []File           `json:"files"`
}

// File is a file of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// errNoManifest is returned for a folder that is no whole backup.
var errNoManifest = errors.New("there is no " + ManifestName + ": this is not a complete backup")

// manifestEnd comes before the sum of all that stands before it.
const manifestEnd = ",\n\"sha256\":\""

func (m *Manifest) text() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	body = append(bytes.TrimSuffix(body, []byte("\n}")), manifestEnd...)
	sum := sha256.Sum256(body)
	return fmt.Appendf(body, "%x\"}\n", sum), nil
}

// readManifest returns a folder's manifest, errNoManifest where there is none.
func readManifest(dir string) (*Manifest, error) {
	f, _, err := archive.OpenRegular(filepath.Join(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoManifest
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestName, err)
	}
	return m, nil
}

func parseManifest(text []byte) (*Manifest, error) {
	var m Manifest
	if json.Unmarshal(text, &m) == nil && m.Format > format {
		return nil, fmt.Errorf("it was made by %s in format %d; this version reads formats up to %d", m.Program, m.Format, format)
	}
	end := bytes.LastIndex(text, []byte(manifestEnd))
	if end < 0 {
		return nil, errDamaged
	}
	body := text[:end+len(manifestEnd)]
	sum := sha256.Sum256(body)
	if string(text[len(body):]) != hex.EncodeToString(sum[:])+"\"}\n" || m.Format < 1 {
		return nil, errDamaged
	}
	for _, f := range m.Files {
		if f.Name != filepath.Base(f.Name) || f.Name == ManifestName {
			return nil, fmt.Errorf("it names %q, which is not in this folder", f.Name)
		}
	}
	return &m, nil
}

// errDamaged is returned for a file that is not as it was written.
var errDamaged = errors.New("it was damaged after it was written")

// describe reads a file to its end.
func describe(ctx context.Context, f *os.File, name string) (File, error) {
	hash := sha256.New()
	size, err := io.Copy(hash, io.NewSectionReader(archive.Until(ctx, f), 0, 1<<62))
	return File{Name: name, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))}, err
}

// check reads an open file and reports whether it is as it was written.
func (f File) check(ctx context.Context, open *os.File) error {
	got, err := describe(ctx, open, f.Name)
	if err == nil && got != f {
		err = errDamaged
	}
	return err
}

// checkIn is check of the file in a folder.
func (f File) checkIn(ctx context.Context, dir string) error {
	open, _, err := archive.OpenRegular(filepath.Join(dir, f.Name))
	if err != nil {
		return withoutPath(err)
	}
	defer func() { _ = open.Close() }() // it was only read
	return f.check(ctx, open)
}

// withoutPath returns why a file operation failed, for a text that names the file already.
func withoutPath(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("it is missing")
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Err
	}
	return err
}
