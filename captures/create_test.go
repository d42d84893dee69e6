package captures

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.pcapng")
	f, err := Create(path, false)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("precious")
	f.Close()
	expectMode(t, path)

	_, err = Create(path, false)
	expectError(t, err, fs.ErrExist, "a.pcapng exists already", "--force")
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("a refused file holds %q", b)
	}

	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err = Create(path, true); err != nil {
		t.Fatal(err)
	}
	f.Close()
	expectMode(t, path)
	if b, _ := os.ReadFile(path); len(b) != 0 {
		t.Errorf("an overwritten file holds %q", b)
	}

	for _, force := range []bool{false, true} {
		_, err = Create(dir, force)
		expectError(t, err, fs.ErrExist, "is a directory", "session.pcapng")
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		_, err = Create(link, force)
		expectError(t, err, fs.ErrExist, "is a directory", "session.pcapng")
		_, err = Create(filepath.Join(dir, "no", "a.pcapng"), force)
		expectError(t, err, fs.ErrNotExist, "there is no directory "+filepath.Join(dir, "no"), "mkdir -p")
	}
	if f, err = Create(os.DevNull, true); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func expectMode(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func expectError(t *testing.T, err, is error, text, hint string) {
	t.Helper()
	var h interface{ Hint() string }
	if !errors.Is(err, is) || !strings.HasPrefix(err.Error(), "captures: ") || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v", err)
	} else if !errors.As(err, &h) || !strings.Contains(h.Hint(), hint) {
		t.Errorf("%v: no hint with %q", err, hint)
	}
}
