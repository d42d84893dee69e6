package mailfile

import (
	"errors"
	"os"
)

// ErrLocked says that another program holds a lock.
var ErrLocked = errors.New("mailfile: another program holds it")

// Lock holds the lock file at path until release is called, or the program ends however.
func Lock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if lock(f) != nil {
		_ = f.Close()
		return nil, ErrLocked
	}
	return func() { _ = f.Close() }, nil
}
