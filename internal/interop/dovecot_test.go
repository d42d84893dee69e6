//go:build interop

package interop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

type dovecotOptions struct {
	address string // to listen on
	strict  bool   // no plaintext login before TLS: LOGINDISABLED
	noSent  bool   // no mailbox but those of the accounts
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
mail_plugins = zlib quota acl
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = zlib imap_zlib quota imap_quota acl imap_acl
  imap_metadata = yes
}
namespace {
  inbox = yes
{{- if not .NoSent}}
  mailbox Sent {
    auto = create
    special_use = \Sent
  }
{{- end}}
}
plugin {
  acl = vfile
  quota = maildir:storage
  quota_rule = *:storage=1G
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
func startDovecot(dir string, o dovecotOptions) (*server, error) {
	d, err := newServer("dovecot", dir, o.address)
	if err != nil {
		return nil, err
	}
	mail, err := mailUser()
	if err != nil {
		return nil, err
	}
	if err := d.writeDovecotMail(mail); err != nil {
		return nil, err
	}
	conf := map[string]any{
		"Dir": dir, "Name": filepath.Base(dir), "Address": o.address, "Strict": o.strict, "NoSent": o.noSent, "OtherName": otherName,
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
	return d, d.start(exec.Command("dovecot", "-F", "-c", file))
}

// writeDovecotMail makes the password file and a Maildir for each account. Messages lie
// there as they travel, with CRLF.
func (s *server) writeDovecotMail(o owner) error {
	var users strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&users, "%s:{PLAIN.b64}%s::::::\n", a.user, base64.StdEncoding.EncodeToString([]byte(a.password)))
	}
	if err := os.WriteFile(filepath.Join(s.dir, "users"), []byte(users.String()), 0o644); err != nil {
		return err
	}
	return s.writeMaildirs(o, func(m []byte) []byte { return m })
}
