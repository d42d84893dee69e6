package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// mailServer is a Dovecot that runs below a directory of its own, in clear on the loopback: what TLS
// costs is alike for every client.
type mailServer struct {
	cmd        *exec.Cmd
	imap, pop3 string // ports
}

// dovecot starts a Dovecot whose users have Maildirs of so many messages.
func dovecot(dir string, users map[string]int) (*mailServer, error) {
	s := &mailServer{imap: freePort(), pop3: freePort()}
	account, internal, login, chroot := "nobody", "dovecot", "dovenull", ""
	if os.Getuid() != 0 { // one user for everything, and nobody who may chroot
		me, err := user.Current()
		if err != nil {
			return nil, err
		}
		account, internal, login, chroot = me.Username, me.Username, me.Username, "chroot ="
	}
	owner, err := user.Lookup(account)
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o755); err != nil {
		return nil, err
	}
	var passwords string
	for name, messages := range users {
		home := filepath.Join(dir, "home", name)
		if err := maildir(filepath.Join(home, "Maildir"), messages); err != nil {
			return nil, err
		}
		err := filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, uid, gid)
		})
		if err != nil {
			return nil, err
		}
		passwords += name + ":{PLAIN}" + password + "::::::\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte(passwords), 0o644); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "dovecot.conf")
	text := fmt.Sprintf(`base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
instance_name = bench
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
passdb {
  driver = passwd-file
  args = %[1]s/users
}
userdb {
  driver = static
  args = uid=%[2]s gid=%[3]s home=%[1]s/home/%%u
}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
default_internal_user = %[4]s
default_login_user = %[5]s
service imap-login {
  %[6]s
  inet_listener imap {
    port = %[7]s
  }
}
service pop3-login {
  %[6]s
  inet_listener pop3 {
    port = %[8]s
  }
}
service anvil {
  %[6]s
}
`, dir, owner.Uid, owner.Gid, internal, login, chroot, s.imap, s.pop3)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	s.cmd = exec.Command("dovecot", "-F", "-c", conf)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	atEnd.add(s.stop)
	for range 200 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+s.imap); err == nil {
			return s, c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("dovecot does not listen; it says in %s/log why", dir)
}

func (s *mailServer) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	s.cmd.Wait()
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "0"
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
