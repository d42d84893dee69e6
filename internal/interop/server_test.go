//go:build interop

package interop

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is a user of the servers.
type account struct {
	user, password string
	messages       int // in INBOX
}

// accounts are on every server. u1's password is an everyday one; the others hold what is
// special in a quoted string, an atom, a URL, a shell, a literal announcement or UTF-8.
var accounts = []account{
	{"u1", "secret", 40},
	{"spaces", `two  words "quoted" back\slash 100%41`, 3},
	{"unicode", "Grüße-ключ-✓-密", 3},
	{"literal", `x{5}+(a)*]<@:&=pw;--`, 3},
	{"sample", "geheim-0815", 3},
	{"kinds", "gestalt-2290", 10}, // one message of each kind
	{"talk", "rede-3141", 10},
	{"drop", "leerung-1618", 10},
	{"folders", "append-4711", 0},
}

func accountOf(name string) account {
	for _, a := range accounts {
		if a.user == name {
			return a
		}
	}
	panic("no account " + name)
}

// server is a running server of both protocols.
type server struct {
	name        string // of the product: "dovecot", "cyrus", "courier"
	address     string
	imap, imaps int // ports
	pop3, pop3s int
	dir         string
	cmd         *exec.Cmd
	exited      chan error
	ending      syscall.Signal // what ends it and all that it started
}

// newServer gives a server that is not started yet, with its ports.
func newServer(name, dir, address string) (*server, error) {
	s := &server{name: name, address: address, dir: dir, exited: make(chan error, 1), ending: syscall.SIGTERM}
	ports, err := freePorts(address, 4)
	if err != nil {
		return nil, err
	}
	s.imap, s.imaps, s.pop3, s.pop3s = ports[0], ports[1], ports[2], ports[3]
	return s, os.MkdirAll(dir, 0o755)
}

// port gives the port for a protocol ("imap", "pop3") and a leg ("tls", "starttls", "plain").
func (s *server) port(protocol, leg string) int {
	switch {
	case protocol == "imap" && leg == "tls":
		return s.imaps
	case protocol == "imap":
		return s.imap
	case leg == "tls":
		return s.pop3s
	}
	return s.pop3
}

// host is how clients and the proxy call the server; its certificate has the name.
func (s *server) host() string {
	if s.address == "127.0.0.1" {
		return "localhost"
	}
	return s.address
}

// start runs cmd as the server and waits until every port answers. What it prints goes into
// the file "output".
func (s *server) start(cmd *exec.Cmd) error {
	output, err := os.Create(filepath.Join(s.dir, "output"))
	if err != nil {
		return err
	}
	defer output.Close()
	s.cmd = cmd
	cmd.Stdout, cmd.Stderr = output, output
	if err := startBound(cmd, s.ending); err != nil {
		return err
	}
	go func() { s.exited <- cmd.Wait() }()
	for _, p := range []int{s.imap, s.imaps, s.pop3, s.pop3s} {
		if err := s.awaitGreeting(p == s.imaps || p == s.pop3s, p); err != nil {
			return errors.Join(fmt.Errorf("%s: %w\n%s", s.name, err, s.said()), s.stop())
		}
	}
	return nil
}

// said is what the server printed and logged.
func (s *server) said() string {
	var b strings.Builder
	for _, name := range []string{"output", "log"} {
		p, _ := os.ReadFile(filepath.Join(s.dir, name))
		b.WriteString(bounded(string(p)))
	}
	return b.String()
}

// awaitGreeting waits until a port is answered, with the greeting where it comes in the clear.
func (s *server) awaitGreeting(tls bool, port int) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := func() error {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(s.address, strconv.Itoa(port)), time.Second)
			if err != nil || tls {
				if c != nil {
					c.Close()
				}
				return err
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			_, err = c.Read(make([]byte, 1))
			return err
		}()
		if err == nil {
			return nil
		}
		select {
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("exited early: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("port %d does not answer: %w", port, err)
		}
	}
}

// stop ends the server and waits for it, and for every process that was given a file of its
// directory.
func (s *server) stop() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	s.cmd.Process.Signal(s.ending)
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.cmd.Process.Kill()
		return fmt.Errorf("%s %d did not end on %v", s.name, s.cmd.Process.Pid, s.ending)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		left := processesOf(s.dir)
		if left == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s left processes: %v", s.name, left)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// processesOf gives the command lines of the processes that name a file below dir.
func processesOf(dir string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var some []string
	for _, f := range files {
		p, _ := os.ReadFile(f) // gone in between: then it is not left
		if line := strings.ReplaceAll(string(p), "\x00", " "); strings.Contains(line, dir+"/") {
			some = append(some, line)
		}
	}
	return some
}

// owner is whom mail belongs to.
type owner struct {
	name, group string
	uid, gid    int
}

// mailUser is an unprivileged user: the one who runs the test, for root nobody.
func mailUser() (owner, error) {
	name := "nobody"
	if os.Getuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return owner{}, err
		}
		name = u.Username
	}
	u, err := user.Lookup(name)
	if err != nil {
		return owner{}, err
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return owner{}, err
	}
	o := owner{name: name, group: g.Name}
	if o.uid, err = strconv.Atoi(u.Uid); err != nil {
		return owner{}, err
	}
	o.gid, err = strconv.Atoi(u.Gid)
	return o, err
}

// freePorts gives ports that nobody listened on a moment ago.
func freePorts(address string, n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// writeMaildirs makes home/NAME/Maildir for each account, below the server's directory.
// stored turns a message as it travels into how it lies there.
func (s *server) writeMaildirs(o owner, stored func([]byte) []byte) error {
	for _, a := range accounts {
		maildir := filepath.Join(s.dir, "home", a.user, "Maildir")
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(maildir, sub), 0o755); err != nil {
				return err
			}
		}
		for i, m := range mailbox(a.user) {
			name := fmt.Sprintf("%d.M%dP1.lab", 1_700_000_000+i, i)
			if err := os.WriteFile(filepath.Join(maildir, "new", name), stored(m), 0o644); err != nil {
				return err
			}
		}
	}
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.WalkDir(filepath.Join(s.dir, "home"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, o.uid, o.gid)
	})
}
