//go:build unix

package mailfile

import (
	"os"
	"syscall"
)

// lock keeps others from writing to the file: those that use flock.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
