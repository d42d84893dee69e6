//go:build interop

package interop

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// deliverer makes a directory and the script for sh that stores a message there, under its
// number counted from 1.
func deliverer(t *testing.T, dir string) (box, agent string) {
	t.Helper()
	box = filepath.Join(dir, "mail")
	mkdir(t, box)
	return box, write(t, dir, "deliver", "exec cat >\"$1/$(($(ls \"$1\" | wc -l) + 1))\"\n")
}

// fetchmail fetches INBOX, each message by a delivery agent of its own. "invisible" leaves
// out the Received line that it adds otherwise. It stores lines with LF alone. The key is
// the place in the order in which the messages came.
func fetchmail(t *testing.T, at target) mail {
	t.Helper()
	dir := t.TempDir()
	box, agent := deliverer(t, dir)
	auth := at.auth
	if auth == "" {
		auth = "password"
	}
	conf := fmt.Sprintf("set invisible\npoll %s protocol %s port %d auth %s user %s password %s\n  mda %s no rewrite keep fetchall no mimedecode\n",
		at.host, strings.ToUpper(at.protocol), at.port, auth, fetchmailQuote(at.account.user), fetchmailQuote(at.account.password),
		fetchmailQuote("/bin/sh "+agent+" "+box))
	switch at.leg {
	case "tls":
		conf += "  ssl sslcertck sslcertfile " + fetchmailQuote(at.ca) + "\n"
	case "starttls":
		conf += "  sslproto \"TLS1.2+\" sslcertck sslcertfile " + fetchmailQuote(at.ca) + "\n"
	case "plain":
		conf += "  sslproto \"\"\n"
	}
	must(t, "fetchmail", "--fetchmailrc", write(t, dir, "fetchmailrc", conf), "--pidfile", filepath.Join(dir, "pid"),
		"--idfile", filepath.Join(dir, "ids"), "--nodetach", "--nosyslog")
	return read(t, box, func(name string) string { return name })
}

// fetchmailQuote quotes a string of a run control file, its octets escaped.
func fetchmailQuote(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\x%02x`, s[i])
	}
	return `"` + b.String() + `"`
}

//go:embed testdata/getmail.py
var getmailPy string

// getmail fetches INBOX, without the lines that it adds otherwise, each message by a
// delivery agent of its own: as root it delivers no other way. It stores lines with LF
// alone. The key is the place in the order in which the messages came.
func getmail(t *testing.T, at target) mail {
	t.Helper()
	dir := t.TempDir()
	box, agent := deliverer(t, dir)
	kind, more := "Simple"+strings.ToUpper(at.protocol)+"Retriever", ""
	if at.leg == "tls" {
		kind, more = "Simple"+strings.ToUpper(at.protocol)+"SSLRetriever", "ca_certs = "+at.ca+"\n"
	}
	if at.auth != "" {
		more += at.auth + " = true\n"
	}
	conf := fmt.Sprintf("[retriever]\ntype = %s\nserver = %s\nport = %d\nusername = %s\npassword_command = (\"/bin/cat\", \"%s\")\n%s"+
		"[destination]\ntype = MDA_external\npath = /bin/sh\narguments = (\"%s\", \"%s\")\nallow_root_commands = true\n"+
		"[options]\nverbose = 0\nread_all = true\ndelete = false\nreceived = false\ndelivered_to = false\n",
		kind, at.host, at.port, at.account.user, write(t, dir, "password", at.account.password), more, agent, box)
	must(t, "/usr/bin/python3", write(t, dir, "getmail.py", getmailPy), "--getmaildir", dir, "--rcfile", write(t, dir, "getmailrc", conf))
	return read(t, box, func(name string) string { return name })
}
