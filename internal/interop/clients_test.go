//go:build interop

package interop

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// target is where a client goes, and as whom.
type target struct {
	protocol string // "imap", "pop3"
	leg      string // "tls", "starttls", "plain"
	host     string
	port     int
	ca       string // PEM file of the root that the client trusts
	account  account
	auth     string // what the client shall use, in the client's own words; "" is its default
	socks    string // host:port of a SOCKS5 proxy, or ""
}

// mail is what a client left on disk: the octets of each message by UID or number.
type mail map[string][]byte

// client is a real mail client.
type client struct {
	name      string
	protocols []string
	legs      []string
	socks     bool
	fetch     func(t *testing.T, at target) mail
}

var clients = []client{
	{"mpop", []string{"pop3"}, []string{"tls", "starttls", "plain"}, true, mpop},
	{"mbsync", []string{"imap"}, []string{"tls", "starttls", "plain"}, false, mbsync},
	{"curl", []string{"imap", "pop3"}, []string{"tls", "starttls", "plain"}, true, curl},
	{"python", []string{"imap", "pop3"}, []string{"tls", "starttls", "plain"}, true, python},
	{"fetchmail", []string{"imap", "pop3"}, []string{"tls", "starttls", "plain"}, false, fetchmail},
	{"getmail", []string{"imap", "pop3"}, []string{"tls", "plain"}, false, getmail}, // it knows no STARTTLS
}

// mpop fetches with mpop into a Maildir. It stores lines with LF alone. The key is the
// sequence number in the file's name.
func mpop(t *testing.T, at target) mail {
	t.Helper()
	dir := t.TempDir()
	box := filepath.Join(dir, "mail")
	for _, sub := range []string{"cur", "new", "tmp"} {
		mkdir(t, filepath.Join(box, sub))
	}
	conf := fmt.Sprintf("account x\nhost %s\nport %d\nuser %s\npasswordeval cat %s\nreceived_header off\nkeep on\n"+
		"delivery maildir %s\nuidls_file %s\ntls_trust_file %s\n",
		at.host, at.port, at.account.user, write(t, dir, "password", at.account.password+"\n"), box, filepath.Join(dir, "uidls"), at.ca)
	switch at.leg {
	case "tls":
		conf += "tls on\ntls_starttls off\n"
	case "starttls":
		conf += "tls on\ntls_starttls on\n"
	case "plain":
		conf += "tls off\n"
	}
	auth := at.auth
	if auth == "" {
		auth = "user" // its own choice before TLS depends on what the server offers
	}
	conf += "auth " + auth + "\n"
	if at.socks != "" {
		host, port, _ := strings.Cut(at.socks, ":")
		conf += "proxy_host " + host + "\nproxy_port " + port + "\n"
	}
	conf += "account default : x\n"
	must(t, "mpop", "-C", write(t, dir, "mpoprc", conf))
	number := regexp.MustCompile(`Q(\d+)\.`)
	return read(t, filepath.Join(box, "new"), func(name string) string {
		return number.FindStringSubmatch(name)[1]
	})
}

// mbsync pulls INBOX into a Maildir. It adds an X-TUID line to each message, which is
// taken away here. The key is the UID in the file's name.
func mbsync(t *testing.T, at target) mail {
	t.Helper()
	dir := t.TempDir()
	near := filepath.Join(dir, "near")
	mkdir(t, near)
	kind := map[string]string{"tls": "IMAPS", "starttls": "STARTTLS", "plain": "None"}[at.leg]
	auth := at.auth
	if auth == "" {
		auth = "LOGIN"
	}
	conf := fmt.Sprintf("IMAPAccount x\nHost %s\nPort %d\nUser %s\nPassCmd \"cat %s\"\nSSLType %s\nSystemCertificates no\n"+
		"CertificateFile %s\nAuthMechs %s\n\nIMAPStore far\nAccount x\n\nMaildirStore near\nPath %s/\nInbox %s/inbox\n"+
		"SubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n",
		at.host, at.port, at.account.user, write(t, dir, "password", at.account.password+"\n"), kind, at.ca, auth, near, near)
	must(t, "mbsync", "-c", write(t, dir, "mbsyncrc", conf), "c")
	uid := regexp.MustCompile(`,U=(\d+)`)
	key := func(name string) string { return uid.FindStringSubmatch(name)[1] }
	tuid := regexp.MustCompile(`(?m)^X-TUID: [^\n]*\n`)
	found := read(t, filepath.Join(near, "inbox", "cur"), key)
	for k, m := range read(t, filepath.Join(near, "inbox", "new"), key) {
		found[k] = m
	}
	for k, m := range found {
		at := tuid.FindIndex(m)
		if at == nil {
			t.Fatalf("mbsync: message %s has no X-TUID line", k)
		}
		found[k] = append(bytes.Clone(m[:at[0]]), m[at[1]:]...)
	}
	return found
}

// curl fetches each message of INBOX over one connection.
func curl(t *testing.T, at target) mail {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "mail")
	mkdir(t, out)
	scheme := at.protocol
	if at.leg == "tls" {
		scheme += "s"
	}
	path := fmt.Sprintf("[1-%d]", at.account.messages)
	if at.protocol == "imap" {
		path = "INBOX;UID=" + path
	}
	conf := fmt.Sprintf("url = %s\noutput = %s\nuser = %s\ncacert = %s\nsilent\nshow-error\nfail-early\n",
		curlQuote(fmt.Sprintf("%s://%s:%d/%s", scheme, at.host, at.port, path)), curlQuote(filepath.Join(out, "#1")),
		curlQuote(at.account.user+":"+at.account.password), curlQuote(at.ca))
	if at.leg == "starttls" {
		conf += "ssl-reqd\n"
	}
	if strings.HasSuffix(at.auth, " IR") {
		conf += "sasl-ir\n"
	}
	if auth := strings.TrimSuffix(at.auth, " IR"); auth != "" {
		conf += "login-options = " + curlQuote("AUTH="+auth) + "\n"
	}
	if at.socks != "" {
		conf += "socks5-hostname = " + curlQuote(at.socks) + "\n"
	}
	must(t, "curl", "-K", write(t, dir, "curlrc", conf))
	return read(t, out, func(name string) string { return name })
}

// curlQuote quotes a value of a curl configuration file.
func curlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

//go:embed testdata/mail.py
var mailPy string

// python fetches INBOX with imaplib or poplib.
func python(t *testing.T, at target) mail {
	t.Helper()
	return pythonJob(t, at, nil)
}

// pythonJob is python with more keys for the script.
func pythonJob(t *testing.T, at target, more map[string]any) mail {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "mail")
	mkdir(t, out)
	job := map[string]any{
		"protocol": at.protocol, "leg": at.leg, "host": at.host, "port": at.port, "ca": at.ca, "user": at.account.user,
		"password": at.account.password, "auth": at.auth, "socks": at.socks, "out": out,
	}
	for k, v := range more {
		job[k] = v
	}
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	if x := executeIn(t, string(text), "python3", write(t, dir, "mail.py", mailPy)); x.Code != 0 {
		t.Fatalf("python %s: exit %d\n%s", at.protocol, x.Code, x.Stderr)
	}
	return read(t, out, func(name string) string { return name })
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// read gives the files of a directory by what key makes of their names.
func read(t *testing.T, dir string, key func(string) string) mail {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := mail{}
	for _, e := range entries {
		octets, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		k := key(e.Name())
		if _, twice := m[k]; twice {
			t.Fatalf("%s: two messages %s", dir, k)
		}
		m[k] = octets
	}
	return m
}

// sameMail fails the test unless both hold the same messages, octet for octet, and want of
// them.
func sameMail(t *testing.T, direct, other mail, want int) {
	t.Helper()
	if len(direct) != want || len(other) != want {
		t.Errorf("expected %d messages, got %d directly and %d the other way", want, len(direct), len(other))
	}
	for k, a := range direct {
		b, ok := other[k]
		if !ok {
			t.Errorf("message %s did not come", k)
			continue
		}
		if i := difference(a, b); i >= 0 {
			t.Errorf("message %s: %d octets directly, %d the other way; they differ at %d: %q and %q",
				k, len(a), len(b), i, around(a, i), around(b, i))
		}
	}
}

// difference is the offset of the first octet that differs, -1 where none does.
func difference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func around(p []byte, i int) []byte { return p[max(0, i-20):min(len(p), i+20)] }

// sameAsStored compares with what the mailbox was filled with.
func sameAsStored(t *testing.T, user string, got mail) {
	t.Helper()
	stored := mail{}
	for i, m := range mailbox(user) {
		stored[strconv.Itoa(i+1)] = m
	}
	sameMail(t, stored, got, len(stored))
}
