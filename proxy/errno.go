package proxy

import (
	"errors"
	"runtime"
	"syscall"
)

// The numbers of Windows' own do not equal those of package syscall: WSAEMFILE,
// WSAEACCES, WSAEADDRINUSE, WSAECONNABORTED, WSAECONNRESET, WSAENOBUFS.
func isErrno(err error, unix syscall.Errno, windows syscall.Errno) bool {
	return errors.Is(err, unix) || runtime.GOOS == "windows" && errors.Is(err, windows)
}

// isReset tells whether err says that the peer is gone.
func isReset(err error) bool {
	return isErrno(err, syscall.ECONNRESET, 10054) || isErrno(err, syscall.EPIPE, 10053)
}

func isInUse(err error) bool { return isErrno(err, syscall.EADDRINUSE, 10048) }

func isForbidden(err error) bool { return isErrno(err, syscall.EACCES, 10013) }

// isPassing tells whether accepting may succeed again: descriptors or memory ran out, or
// the client was gone before it was accepted.
func isPassing(err error) bool {
	return isErrno(err, syscall.EMFILE, 10024) || isErrno(err, syscall.ENFILE, 10024) ||
		isErrno(err, syscall.ENOBUFS, 10055) || isErrno(err, syscall.ENOMEM, 10055) ||
		isErrno(err, syscall.ECONNABORTED, 10053) || isErrno(err, syscall.ECONNRESET, 10054)
}
