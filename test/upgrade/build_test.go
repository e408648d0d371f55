package upgrade_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// before is the version that must go on, as a commit.
const before = "39d9339"

// requireHistory, set in .ci/run, makes a missing history a failure.
const requireHistory = "PARLEY_REQUIRE_HISTORY"

// programs returns the binary of the version before and that of this one.
func programs(t *testing.T) (old, now string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := command(root, "git", "cat-file", "-e", before+"^{commit}").CombinedOutput(); err != nil {
		why := fmt.Sprintf("the version before (%s) is not in the history: %s", before, bytes.TrimSpace(out))
		if os.Getenv(requireHistory) != "" {
			t.Fatal(why)
		}
		t.Skip("left out: " + why)
	}
	return oldProgram(t, root), build(t, root, filepath.Join(t.TempDir(), "parley"))
}

// building lets one test at a time build the version before.
var building sync.Mutex

// oldProgram builds the version before, once for each version of Go on a machine.
func oldProgram(t *testing.T, root string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = t.TempDir()
	}
	path := filepath.Join(dir, "parley-upgrade", before+"-"+runtime.Version()+"-"+runtime.GOARCH)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	sources := t.TempDir()
	archive := command(root, "git", "archive", before)
	unpack := command(sources, "tar", "-x")
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	must(t, archive.Start())
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpack %s: %v\n%s", before, err, out)
	}
	must(t, archive.Wait())
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	half := build(t, sources, filepath.Join(filepath.Dir(path), fmt.Sprintf("half-%d", os.Getpid())))
	must(t, os.Rename(half, path)) // whole or not at all, also beside another run
	return path
}

func build(t *testing.T, root, to string) string {
	t.Helper()
	c := command(root, "go", "build", "-trimpath", "-buildvcs=false", "-o", to, "./cmd/parley")
	c.Env = append(c.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build in %s: %v\n%s", root, err, out)
	}
	return to
}

func command(dir, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = dir
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clean is this process's environment without what would configure parley.
func clean() []string {
	var env []string
	for _, line := range os.Environ() {
		name, _, _ := strings.Cut(line, "=")
		switch strings.ToUpper(name) {
		case "HOME", "PATH", "TMPDIR", "LANG", "TZ":
			env = append(env, line)
		}
	}
	return env
}
