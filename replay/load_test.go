package replay

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Load tells a script from a capture by what is in the file.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	s, _ := scriptOf(t, recordings(t)[0], CaptureOptions{})
	if err := os.WriteFile(filepath.Join(dir, "a.pcapng"), []byte(s.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "a.pcapng"), recordings(t)[0]} {
		got, err := Load(file, LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != s.String() {
			t.Errorf("%s: another script", file)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bad"), []byte("S: before its connection\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(filepath.Join(dir, "bad"), LoadOptions{})
	var e *Error
	if !errors.As(err, &e) || e.Pos.Line != 1 {
		t.Errorf("got %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none"), LoadOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
