//go:build interop

package interop

import (
	"bytes"
	"encoding/base64"
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
	"text/template"
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

type dovecotOptions struct {
	address string // to listen on
	strict  bool   // no plaintext login before TLS: LOGINDISABLED
}

// dovecot is a running server.
type dovecot struct {
	address     string
	imap, imaps int // ports
	pop3, pop3s int
	dir         string
	cmd         *exec.Cmd
	exited      chan error
}

// port gives the port for a protocol ("imap", "pop3") and a leg ("tls", "starttls", "plain").
func (d *dovecot) port(protocol, leg string) int {
	switch {
	case protocol == "imap" && leg == "tls":
		return d.imaps
	case protocol == "imap":
		return d.imap
	case leg == "tls":
		return d.pop3s
	}
	return d.pop3
}

// host is how clients and the proxy call the server; its certificate has the name.
func (d *dovecot) host() string {
	if d.address == "127.0.0.1" {
		return "localhost"
	}
	return d.address
}

var dovecotConf = template.Must(template.New("dovecot.conf").Parse(`
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
instance_name = interop-{{.Name}}
protocols = imap pop3
listen = {{.Address}}
login_greeting = Dovecot ready.
ssl = {{if .Strict}}required{{else}}yes{{end}}
disable_plaintext_auth = {{if .Strict}}yes{{else}}no{{end}}
ssl_cert = <{{.Local.Cert}}
ssl_key = <{{.Local.Key}}
local_name {{.OtherName}} {
  ssl_cert = <{{.Other.Cert}}
  ssl_key = <{{.Other.Key}}
}
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256{{if not .Strict}} apop{{end}}
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {{.Dir}}/users
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/home/%u
}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 500
mail_plugins = zlib
protocol imap {
  mail_plugins = zlib imap_zlib
}
default_internal_user = {{.InternalUser}}
default_internal_group = {{.InternalGroup}}
default_login_user = {{.LoginUser}}
service imap-login {
  {{.Chroot}}
  inet_listener imap {
    port = {{.IMAP}}
  }
  inet_listener imaps {
    port = {{.IMAPS}}
    ssl = yes
  }
}
service pop3-login {
  {{.Chroot}}
  inet_listener pop3 {
    port = {{.POP3}}
  }
  inet_listener pop3s {
    port = {{.POP3S}}
    ssl = yes
  }
}
service anvil {
  {{.Chroot}}
  # No penalty that grows with each failed login from an address.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`))

// startDovecot writes a configuration and mailboxes below dir, starts a server and waits
// until it answers.
func startDovecot(dir string, o dovecotOptions) (*dovecot, error) {
	d := &dovecot{address: o.address, dir: dir, exited: make(chan error, 1)}
	ports, err := freePorts(o.address, 4)
	if err != nil {
		return nil, err
	}
	d.imap, d.imaps, d.pop3, d.pop3s = ports[0], ports[1], ports[2], ports[3]
	mail, err := mailUser()
	if err != nil {
		return nil, err
	}
	if err := d.writeMail(mail); err != nil {
		return nil, err
	}
	conf := map[string]any{
		"Dir": dir, "Name": filepath.Base(dir), "Address": o.address, "Strict": o.strict, "OtherName": otherName,
		"Local": lab.certs.local, "Other": lab.certs.other,
		"UID": mail.uid, "GID": mail.gid,
		"InternalUser": "dovecot", "InternalGroup": "dovecot", "LoginUser": "dovenull", "Chroot": "",
		"IMAP": d.imap, "IMAPS": d.imaps, "POP3": d.pop3, "POP3S": d.pop3s,
	}
	if os.Getuid() != 0 { // one user for everything, and nobody who may chroot
		conf["InternalUser"], conf["InternalGroup"], conf["LoginUser"] = mail.name, mail.group, mail.name
		conf["Chroot"] = "chroot ="
	}
	var text bytes.Buffer
	if err := dovecotConf.Execute(&text, conf); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "dovecot.conf")
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		return nil, err
	}
	d.cmd = exec.Command("dovecot", "-F", "-c", file)
	var stderr bytes.Buffer
	d.cmd.Stderr = &stderr
	if err := startBound(d.cmd, syscall.SIGTERM); err != nil {
		return nil, err
	}
	go func() { d.exited <- d.cmd.Wait() }()
	for _, p := range ports {
		if err := d.awaitGreeting(p == d.imaps || p == d.pop3s, p); err != nil {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return nil, errors.Join(fmt.Errorf("dovecot: %w\n%s\n%s", err, stderr.String(), log), d.stop())
		}
	}
	return d, nil
}

// awaitGreeting waits until a port is answered, with the greeting where it comes in the clear.
func (d *dovecot) awaitGreeting(tls bool, port int) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := func() error {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(d.address, strconv.Itoa(port)), time.Second)
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
		case err := <-d.exited:
			d.exited <- err
			return fmt.Errorf("exited early: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("port %d does not answer: %w", port, err)
		}
	}
}

// stop ends the server and waits for it.
func (d *dovecot) stop() error {
	if d.cmd == nil || d.cmd.Process == nil {
		return nil
	}
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
		return nil
	case <-time.After(20 * time.Second):
		d.cmd.Process.Kill()
		return fmt.Errorf("dovecot %d did not end on SIGTERM", d.cmd.Process.Pid)
	}
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

// writeMail makes the password file and a Maildir for each account. Messages of n octets
// before line ends lie there as they travel, with CRLF.
func (d *dovecot) writeMail(o owner) error {
	var users strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&users, "%s:{PLAIN.b64}%s::::::\n", a.user, base64.StdEncoding.EncodeToString([]byte(a.password)))
		maildir := filepath.Join(d.dir, "home", a.user, "Maildir")
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(maildir, sub), 0o755); err != nil {
				return err
			}
		}
		for i, m := range mailbox(a.user) {
			name := fmt.Sprintf("%d.M%dP1.lab", 1_700_000_000+i, i)
			if err := os.WriteFile(filepath.Join(maildir, "new", name), m, 0o644); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(d.dir, "users"), []byte(users.String()), 0o644); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.WalkDir(filepath.Join(d.dir, "home"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, o.uid, o.gid)
	})
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
