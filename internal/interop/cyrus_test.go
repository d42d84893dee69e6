//go:build interop

package interop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
)

var imapdConf = template.Must(template.New("imapd.conf").Parse(`
configdirectory: {{.Dir}}/conf
proc_path: {{.Dir}}/run/proc
mboxname_lockpath: {{.Dir}}/run/lock
idlesocket: {{.Dir}}/run/idle
defaultpartition: default
partition-default: {{.Dir}}/spool
cyrus_user: {{.User}}
servername: localhost
admins: admin
altnamespace: yes
unixhierarchysep: yes
allowplaintext: yes
allowapop: yes
popminpoll: 0
poptimeout: 10
autocreate_quota: 1000000
autocreate_inbox_folders: Sent | Trash
autocreate_subscribe_folders: Sent | Trash
xlist-sent: Sent
xlist-trash: Trash
conversations: yes
munge8bit: no
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {{.Dir}}/sasldb
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256
tls_server_cert: {{.Dir}}/cert.pem
tls_server_key: {{.Dir}}/key.pem
tls_session_timeout: 0
`))

var cyrusConf = template.Must(template.New("cyrus.conf").Parse(`
START {
  recover cmd="{{.Bin}}/ctl_cyrusdb -C {{.Dir}}/imapd.conf -r"
  idled cmd="{{.Bin}}/idled -C {{.Dir}}/imapd.conf"
}
SERVICES {
  imap cmd="{{.Bin}}/imapd -C {{.Dir}}/imapd.conf" listen="{{.Address}}:{{.IMAP}}" prefork=1
  imaps cmd="{{.Bin}}/imapd -C {{.Dir}}/imapd.conf -s" listen="{{.Address}}:{{.IMAPS}}" prefork=1
  pop3 cmd="{{.Bin}}/pop3d -C {{.Dir}}/imapd.conf" listen="{{.Address}}:{{.POP3}}" prefork=1
  pop3s cmd="{{.Bin}}/pop3d -C {{.Dir}}/imapd.conf -s" listen="{{.Address}}:{{.POP3S}}" prefork=1
}
EVENTS {
}
`))

// startCyrus writes a configuration below dir, starts a server, and appends the accounts'
// mail.
func startCyrus(dir string, p peers) (*server, error) {
	s, err := newServer("cyrus", dir, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	s.ending = syscall.SIGKILL // for all that runs in its own process namespace
	mail, err := mailUser()
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"conf/db", "conf/socket", "conf/log", "conf/msg", "run/proc", "run/lock", "spool"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	for to, file := range map[string]string{"cert.pem": lab.certs.local.Cert, "key.pem": lab.certs.local.Key} {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			return nil, err
		}
	}
	conf := map[string]any{
		"Dir": dir, "Bin": p.path("usr/lib/cyrus/bin"), "User": mail.name, "Address": s.address,
		"IMAP": s.imap, "IMAPS": s.imaps, "POP3": s.pop3, "POP3S": s.pop3s,
	}
	for name, t := range map[string]*template.Template{"imapd.conf": imapdConf, "cyrus.conf": cyrusConf} {
		var b strings.Builder
		if err := t.Execute(&b, conf); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o644); err != nil {
			return nil, err
		}
	}
	for _, a := range append(accounts, account{user: "admin", password: "verwalter-1"}) {
		cmd := p.command(p.path("usr/sbin/saslpasswd2"), "-p", "-c", "-f", filepath.Join(dir, "sasldb"), "-u", "localhost", a.user)
		cmd.Stdin = strings.NewReader(a.password)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("saslpasswd2: %w\n%s", err, out)
		}
	}
	if os.Getuid() == 0 {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, mail.uid, mail.gid)
		})
		if err != nil {
			return nil, err
		}
	}
	cmd := p.command(p.path("usr/lib/cyrus/bin/master"), "-D", "-C", filepath.Join(dir, "imapd.conf"),
		"-M", filepath.Join(dir, "cyrus.conf"), "-p", filepath.Join(dir, "run", "pid"))
	if err := s.start(cmd); err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if err := s.appendAll(a); err != nil {
			return nil, errors.Join(fmt.Errorf("filling the mailbox of %s: %w", a.user, err), s.stop())
		}
	}
	return s, nil
}

// appendAll logs in, which makes the account's mailboxes, and appends its mail.
func (s *server) appendAll(a account) error {
	c, err := net.Dial("tcp", net.JoinHostPort(s.address, strconv.Itoa(s.imap)))
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	say := func(tag, command string) error {
		if _, err := io.WriteString(c, tag+" "+command); err != nil {
			return err
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if rest, ok := strings.CutPrefix(line, tag+" "); ok {
				if !strings.HasPrefix(rest, "OK") {
					return fmt.Errorf("%s: %s", bounded(command), rest)
				}
				return nil
			}
		}
	}
	if err := say("a", fmt.Sprintf("LOGIN %s {%d+}\r\n%s\r\n", a.user, len(a.password), a.password)); err != nil {
		return err
	}
	for _, m := range mailbox(a.user) {
		if err := say("b", fmt.Sprintf("APPEND INBOX {%d+}\r\n%s\r\n", len(m), m)); err != nil {
			return err
		}
	}
	return say("c", "LOGOUT\r\n")
}
