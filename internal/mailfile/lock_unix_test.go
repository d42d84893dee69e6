//go:build unix

package mailfile

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestMboxInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	w, err := Open(path, "mbox")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := Open(path, "mbox"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
}
