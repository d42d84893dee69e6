//go:build interop

package interop

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// lab is what all tests share: one directory, the built program, the servers.
var lab struct {
	dir    string   // removed at the end
	binary string   // mailtrace
	certs  *testPKI // of the servers, not of mailtrace
	open   *server  // Dovecot, plaintext logins allowed without TLS
	strict *server  // Dovecot, LOGINDISABLED before TLS

	cyrus, courier *server // plaintext logins allowed without TLS

	ending ending
}

// ending stops servers while the tests go on: a Dovecot that has only begun takes 6 s.
type ending struct {
	servers sync.WaitGroup
	mu      sync.Mutex
	errs    []error
}

func (e *ending) stop(s *server) {
	e.servers.Go(func() {
		err := s.stop()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.errs = append(e.errs, err)
	})
}

// wait gives what went wrong, when all have ended.
func (e *ending) wait() error {
	e.servers.Wait()
	return errors.Join(e.errs...)
}

// programs are the peers and the tools that the tests start.
var programs = []string{"dovecot", "mpop", "mbsync", "curl", "python3", "tshark", "unshare", "fetchmail", "getmail", "certutil"}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	var reportTo io.Writer = io.Discard
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	} else {
		code = m.Run()
		if testing.Verbose() {
			reportTo = os.Stdout
		}
		if err := reportFindings(reportTo); err != nil {
			fmt.Fprintln(os.Stderr, "interop:", err)
			code = 1
		}
	}
	for _, d := range []*server{lab.open, lab.strict, lab.cyrus, lab.courier} {
		if d != nil {
			lab.ending.stop(d)
		}
	}
	if err := lab.ending.wait(); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	}
	if lab.dir != "" {
		if err := os.RemoveAll(lab.dir); err != nil {
			fmt.Fprintln(os.Stderr, "interop:", err)
		}
	}
	return code
}

func setUp() error {
	// Debian keeps servers in sbin, which a user's PATH may lack.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("%s is not installed, and this run needs it (see .ci/run)", p)
		}
	}
	var err error
	// Dovecot's sockets lie below it, and their names must be short.
	if lab.dir, err = os.MkdirTemp("", "mti"); err != nil {
		return err
	}
	if err := os.Chmod(lab.dir, 0o755); err != nil { // Dovecot's mail user must get in
		return err
	}
	if lab.certs, err = newPKI(filepath.Join(lab.dir, "pki")); err != nil {
		return err
	}
	if lab.binary, err = buildMailtrace(lab.dir); err != nil {
		return err
	}
	// The CA is made once, before two proxies could.
	if out, err := exec.Command(lab.binary, "ca", "path", "--ca-dir", caDir()).CombinedOutput(); err != nil {
		return fmt.Errorf("mailtrace ca path: %w\n%s", err, out)
	}
	lab.open, err = startDovecot(filepath.Join(lab.dir, "o"), dovecotOptions{address: "127.0.0.1"})
	if err != nil {
		return err
	}
	// Dovecot takes a peer with its own address for secure; 127.0.0.1 calling 127.0.0.2 is not.
	lab.strict, err = startDovecot(filepath.Join(lab.dir, "s"), dovecotOptions{address: "127.0.0.2", strict: true})
	if err != nil {
		return err
	}
	p, err := findPeers(filepath.Join(lab.dir, "peers"))
	if err != nil {
		return err
	}
	if lab.cyrus, err = startCyrus(filepath.Join(lab.dir, "c"), p); err != nil {
		return err
	}
	lab.courier, err = startCourier(filepath.Join(lab.dir, "k"), p)
	return err
}
