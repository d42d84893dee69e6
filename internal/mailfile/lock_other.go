//go:build !unix

package mailfile

import "os"

// lock does nothing: the system keeps no advisory locks that other mail programs honour.
func lock(*os.File) error { return nil }
