//go:build interop

package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// courierScript runs within contained. Courier looks for its configuration, its passwords
// and its socket below /etc and /run alone, so it gets both of its own: /etc of links to
// what stands there otherwise.
//
//	$1 directory, $2 where the packages lie, $3 to $6 ports
const courierScript = `
set -e
mount --bind /etc "$1/etc.otherwise"
mount --bind "$1/etc" /etc
mount --bind "$1/run" /run
lib=$2/usr/lib/courier
tcpd=$2/usr/sbin/couriertcpd
options="-address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup"
imap="$lib/courier/imaplogin $2/usr/bin/imapd Maildir"
pop3="$lib/courier/courierpop3login $lib/courier/courierpop3d Maildir"
$lib/courier-authlib/authdaemond &
IMAP_STARTTLS=YES $tcpd $options $3 $imap &
IMAP_TLS=1 $tcpd $options $4 $COURIERTLS -server -tcpd $imap &
POP3_STARTTLS=YES $tcpd $options $5 $pop3 &
POP3_TLS=1 $tcpd $options $6 $COURIERTLS -server -tcpd $pop3 &
wait
`

// startCourier writes a configuration and mailboxes below dir and starts a server.
func startCourier(dir string, p peers) (*server, error) {
	s, err := newServer("courier", dir, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	s.ending = syscall.SIGKILL // for all that runs in its own process namespace
	mail, err := mailUser()
	if err != nil {
		return nil, err
	}
	if err := linkEtc(dir, mail); err != nil {
		return nil, err
	}
	for _, sub := range []string{"etc/courier", "run/courier/authdaemon"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	rc := "authmodulelist=\"authuserdb\"\nauthmodulelistorig=\"authuserdb\"\ndaemons=3\nauthdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\n"
	if err := os.WriteFile(filepath.Join(dir, "etc/courier/authdaemonrc"), []byte(rc), 0o644); err != nil {
		return nil, err
	}
	if err := s.writeUserDB(mail, p); err != nil {
		return nil, err
	}
	// Courier stores lines with LF alone, as other programs on a Unix machine do.
	err = s.writeMaildirs(mail, func(m []byte) []byte { return bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n")) })
	if err != nil {
		return nil, err
	}
	var certificate []byte
	for _, file := range []string{lab.certs.local.Key, lab.certs.local.Cert} {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		certificate = append(certificate, text...)
	}
	if err := os.WriteFile(filepath.Join(dir, "courier.pem"), certificate, 0o644); err != nil {
		return nil, err
	}
	cmd := p.command("sh", "-c", courierScript, "sh", dir, p.at,
		strconv.Itoa(s.imap), strconv.Itoa(s.imaps), strconv.Itoa(s.pop3), strconv.Itoa(s.pop3s))
	const capability = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE AUTH=CRAM-MD5"
	cmd.Env = append(cmd.Env,
		// The library that watches Maildirs starts this, or keeps trying for a second.
		"GAMIN_DEBUG_SERVER="+p.path("usr/libexec/gam_server"), "IMAP_ENHANCEDIDLE=1",
		"COURIERTLS="+p.path("usr/bin/couriertls"), "TLS_CERTFILE="+filepath.Join(dir, "courier.pem"), "TLS_VERIFYPEER=NONE",
		"IMAP_CAPABILITY="+capability, "IMAP_CAPABILITY_TLS="+capability+" AUTH=PLAIN", "IMAP_KEYWORDS=1", "IMAP_ACL=1",
		"IMAP_USELOCKS=1", "IMAP_IDLE_TIMEOUT=1", "IMAP_TRASHFOLDERNAME=Trash", "IMAP_UMASK=022", "MAILDIRPATH=Maildir",
		"POP3AUTH=PLAIN LOGIN CRAM-MD5", "POP3AUTH_TLS=PLAIN LOGIN", "SHELL=/bin/sh")
	return s, s.start(cmd)
}

// linkEtc makes etc, which holds a link for each entry of /etc to where that will be found,
// and the place for it. One file differs: TLS is begun by a user "courier", which only the
// installed package has.
func linkEtc(dir string, o owner) error {
	for _, sub := range []string{"etc", "etc.otherwise"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir("/etc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == "courier" || e.Name() == "passwd" {
			continue
		}
		if err := os.Symlink(filepath.Join(dir, "etc.otherwise", e.Name()), filepath.Join(dir, "etc", e.Name())); err != nil {
			return err
		}
	}
	users, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	users = fmt.Appendf(users, "courier:x:%d:%d::/:/bin/false\n", o.uid, o.gid)
	return os.WriteFile(filepath.Join(dir, "etc", "passwd"), users, 0o644)
}

// writeUserDB makes Courier's two tables of users: where their mail is, and their passwords.
func (s *server) writeUserDB(o owner, p peers) error {
	var users, shadow strings.Builder
	for _, a := range accounts {
		home := filepath.Join(s.dir, "home", a.user)
		fmt.Fprintf(&users, "%s\tuid=%d|gid=%d|home=%s|mail=%s/Maildir|_=\n", a.user, o.uid, o.gid, home, home)
		cmd := p.command(p.path("usr/sbin/userdbpw"), "-hmac-md5") // what CRAM-MD5 needs of a password
		cmd.Stdin = strings.NewReader(a.password + "\n")
		contexts, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("userdbpw: %w", err)
		}
		sum := sha256.Sum256([]byte(a.password))
		fmt.Fprintf(&shadow, "%s\tsystempw={SHA256}%s|hmac-md5pw=%s\n", a.user, base64.StdEncoding.EncodeToString(sum[:]), bytes.TrimSpace(contexts))
	}
	for name, text := range map[string]string{"userdb": users.String(), "userdbshadow": shadow.String()} {
		file := filepath.Join(s.dir, "etc", "courier", name+".dat")
		cmd := p.command(p.path("usr/lib/courier/courier-authlib/makedatprog"), "-", file+".tmp", file)
		cmd.Stdin = strings.NewReader(text + ".\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("makedatprog: %w\n%s", err, out)
		}
		if err := os.Chmod(file, 0o600); err != nil {
			return err
		}
	}
	return nil
}
