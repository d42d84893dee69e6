//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peers are Cyrus and Courier. They cannot be installed beside Dovecot, for their packages
// exclude each other: .ci/peers unpacks them, with the libraries that are missing.
type peers struct {
	from string // where they lie
	at   string // where they are found by what runs contained, and by every user there
}

// findPeers looks where .ci/peers unpacks to: MAILTRACE_PEERS, or mailtrace/peers in the
// user's cache. at is made.
func findPeers(at string) (peers, error) {
	dir := os.Getenv("MAILTRACE_PEERS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return peers{}, err
		}
		dir = filepath.Join(cache, "mailtrace", "peers")
	}
	for _, file := range []string{
		"usr/lib/cyrus/bin/master", "usr/lib/cyrus/bin/imapd", "usr/lib/cyrus/bin/pop3d", "usr/sbin/saslpasswd2",
		"usr/sbin/couriertcpd", "usr/bin/couriertls", "usr/bin/imapd", "usr/lib/courier/courier/courierpop3d",
	} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			return peers{}, fmt.Errorf("Cyrus or Courier is not unpacked, and this run needs it (see .ci/peers): %w", err)
		}
	}
	return peers{from: dir, at: at}, os.Mkdir(at, 0o755)
}

// path is where what runs contained finds a file of the packages.
func (p peers) path(file string) string { return filepath.Join(p.at, file) }

// command makes a command of a program from the packages. It and all that it starts have
// process numbers and mounts of their own, and end when it does, however that is.
func (p peers) command(name string, args ...string) *exec.Cmd {
	unshare := []string{"--mount", "--pid", "--fork", "--kill-child"}
	if os.Getuid() != 0 {
		unshare = append(unshare, "--map-current-user", "--keep-caps") // Cyrus refuses to serve as root
	}
	// The first process in there keeps its user: the signal of --kill-child is lost to one
	// that gives it up, as the Cyrus master does.
	script := `mount --bind "$0" "$1" && shift && exec 3<&0 && { "$@" <&3 3<&- & wait $!; }`
	cmd := exec.Command("unshare", append(append(unshare, "sh", "-c", script, p.from, p.at, name), args...)...)
	cmd.Env = append(os.Environ(), p.environment()...)
	return cmd
}

// environment lets the programs find their libraries and SASL its mechanisms.
func (p peers) environment() []string {
	var libraries, mechanisms []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib", "usr/lib/courier-authlib"} {
		found, _ := filepath.Glob(filepath.Join(p.from, pattern))
		for _, dir := range found {
			libraries = append(libraries, p.at+strings.TrimPrefix(dir, p.from))
		}
	}
	for _, lib := range libraries {
		mechanisms = append(mechanisms, filepath.Join(lib, "sasl2"))
	}
	installed, _ := filepath.Glob("/usr/lib/*-linux-gnu/sasl2")
	return []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":"), "SASL_PATH=" + strings.Join(append(mechanisms, installed...), ":")}
}
