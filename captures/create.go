package captures

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// createError is an error of Create with a hint.
type createError struct {
	text, hint string
	err        error
}

func (e *createError) Error() string { return e.text }
func (e *createError) Unwrap() error { return e.err }

// Hint is the advice for the user: one line, lower case, "" where there is none.
func (e *createError) Hint() string { return e.hint }

// Create opens a file to record into. Nobody else may read it (mode 0600). A file that
// exists is refused, unless force is set, which empties it and takes it from others'
// eyes first. With force a device or a named pipe will do too.
func Create(path string, force bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return createOver(path, force, err)
	}
	if err != nil {
		return nil, explain(path, err)
	}
	// The umask may have taken rights from the owner, never given any to others.
	return f, nil
}

func createOver(path string, force bool, exists error) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, &createError{
			text: fmt.Sprintf("captures: %s is a directory", path),
			hint: "name a file in it, such as " + filepath.Join(path, "session.pcapng"), err: exists,
		}
	}
	if !force {
		return nil, &createError{
			text: fmt.Sprintf("captures: %s exists already", path),
			hint: "use --force to overwrite it, or name another file", err: exists,
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, explain(path, err)
	}
	// What counts is the file that was opened, not what the name means by now.
	if info, err = f.Stat(); err == nil && info.Mode().IsRegular() {
		if err = f.Chmod(0o600); err == nil {
			err = f.Truncate(0)
		}
	}
	if err != nil {
		f.Close()
		return nil, explain(path, err)
	}
	return f, nil
}

func explain(path string, err error) error {
	dir := filepath.Dir(path)
	if _, statErr := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && errors.Is(statErr, fs.ErrNotExist) {
		return &createError{
			text: fmt.Sprintf("captures: cannot create %s: there is no directory %s", path, dir),
			hint: "create it first: mkdir -p " + dir, err: err,
		}
	}
	var p *fs.PathError
	cause := err
	if errors.As(err, &p) {
		cause = p.Err
	}
	return &createError{text: fmt.Sprintf("captures: cannot create %s: %v", path, cause), err: err}
}
