//go:build interop

package interop

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// forms are the shapes in which a password could stand somewhere: as it is, escaped as in
// IMAP, JSON, Go and URLs, and within base64 at each of its three alignments.
func forms(password string) map[string]string {
	inJSON, err := json.Marshal(password)
	if err != nil {
		panic(err)
	}
	f := map[string]string{
		"raw":    password,
		"quoted": strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password),
		"JSON":   strings.Trim(string(inJSON), `"`),
		"Go":     strings.Trim(strconv.Quote(password), `"`),
		"ASCII":  strings.Trim(strconv.QuoteToASCII(password), `"`),
		"octets": octetEscapes(password),
		"URL":    url.PathEscape(password),
	}
	for shift := range 3 {
		// The first and the last digits depend on what stands around: they are left out.
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), password...))
		from := []int{0, 2, 3}[shift]
		to := (shift + len(password)) * 8 / 6
		f[fmt.Sprintf("base64+%d", shift)] = text[from:to]
	}
	return f
}

// octetEscapes writes what is not ASCII as \xNN, one by one.
func octetEscapes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] < 0x80 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		}
	}
	return b.String()
}

// leaks tells in which forms a password stands in p.
func leaks(p []byte, password string) []string {
	var found []string
	for form, text := range forms(password) {
		if text == "secret" { // a word of ours too: "secrets=no"
			if regexp.MustCompile(`\bsecret\b`).Match(p) {
				found = append(found, form)
			}
		} else if bytes.Contains(p, []byte(text)) {
			found = append(found, form)
		}
	}
	return found
}

// noSecrets searches everything that a run wrote, and what show makes of its capture, for
// every password.
func (r *proxyRun) noSecrets(t *testing.T, theirs dissection) {
	t.Helper()
	search := func(where string, p []byte) {
		for _, a := range accounts {
			if found := leaks(p, a.password); found != nil {
				t.Errorf("%s has the password of %s: %v", where, a.user, found)
			}
		}
	}
	search("stdout", []byte(contents(t, r.stdout)))
	search("stderr", []byte(contents(t, r.stderr)))
	if r.capture == "" {
		return
	}
	search("the capture", []byte(contents(t, r.capture)))
	for stream, p := range theirs.streams {
		search("the capture's stream "+stream, p)
		if line := proof(p); line != "" {
			t.Errorf("the capture's stream %s has what a password can be guessed from: %q", stream, line)
		}
	}
	for _, args := range [][]string{{"--format", "json"}, {"--format", "text", "-v"}, {"--hex"}} {
		x := mailtrace(t, append(append([]string{"show"}, args...), r.capture)...)
		if x.Code != 0 {
			t.Errorf("mailtrace show %v: exit %d\n%s", args, x.Code, x.Stderr)
		}
		search(fmt.Sprint("show ", args), []byte(x.Stdout+x.Stderr))
	}
}

// apop is a digest of RFC 1939 §7 behind a user's name.
var apop = regexp.MustCompile(`(?i)^APOP \S+ [0-9a-f]{32}$`)

// proof gives a line that shows knowledge of a password without being it: an APOP digest,
// a SASL response (CRAM-MD5, DIGEST-MD5, SCRAM name the user in it). "" where there is none.
func proof(p []byte) string {
	for line := range strings.SplitSeq(string(p), "\r\n") {
		if apop.MatchString(line) {
			return line
		}
		word := line[strings.LastIndexByte(line, ' ')+1:]
		decoded, err := base64.StdEncoding.DecodeString(word)
		if err != nil || len(word) < 16 {
			continue
		}
		for _, a := range accounts {
			if bytes.Contains(decoded, []byte(a.user+" ")) || bytes.Contains(decoded, []byte("n="+a.user+",")) ||
				bytes.Contains(decoded, []byte(`username="`+a.user+`"`)) {
				return line
			}
		}
	}
	return ""
}

// TestSearchFindsPasswords proves that the search would find what it looks for.
func TestSearchFindsPasswords(t *testing.T) {
	for _, a := range accounts {
		for _, before := range []string{"", "\x00" + a.user + "\x00", a.user + "\x00" + a.user + "\x00", "xx"} {
			p := base64.StdEncoding.EncodeToString([]byte(before + a.password))
			if leaks([]byte("a1 AUTHENTICATE PLAIN "+p), a.password) == nil {
				t.Errorf("%s behind %q is not found in base64", a.user, before)
			}
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.password)
		for _, line := range []string{"PASS " + a.password, `a1 LOGIN u "` + quoted + `"`, octetEscapes(a.password)} {
			if leaks([]byte(line), a.password) == nil {
				t.Errorf("not found in %q", line)
			}
		}
	}
	for _, line := range []string{
		"APOP u1 c4c9334bac560ecc979e58001b3e22fb", base64.StdEncoding.EncodeToString([]byte("u1 3fde62b919f5d443c5b87fbaf466d7f2")),
		"AUTH SCRAM-SHA-256 " + base64.StdEncoding.EncodeToString([]byte("n,,n=u1,r=fyko+d2lbbFgONRv9qkxdawL")),
	} {
		if proof([]byte("a\r\n"+line+"\r\n")) == "" {
			t.Errorf("no proof in %q", line)
		}
	}
	if leaks([]byte("secrets=no C: a1 LOGIN u1 xxxxxx"), "secret") != nil {
		t.Error("found where there is none")
	}
}

// TestSecretsOnRequest is the control: with --secrets the search finds the password.
func TestSecretsOnRequest(t *testing.T) {
	r := startProxy(t, proxyOptions{
		upstreams: []string{lab.open.url("pop3", "plain")}, listen: []string{"pop3"}, flags: []string{"--secrets"},
	})
	a := accountOf("spaces")
	python(t, r.through(0, "pop3", "plain", a))
	r.stop(t)
	for _, file := range []string{r.stdout, r.capture} {
		if leaks([]byte(contents(t, file)), a.password) == nil {
			t.Errorf("%s: no password in spite of --secrets", file)
		}
	}
}

// TestNoSecretOfPasswords logs in with each password and each mechanism that a client has.
func TestNoSecretOfPasswords(t *testing.T) {
	type login struct {
		protocol string
		client   func(*testing.T, target) mail
		name     string
		auths    []string
	}
	for _, l := range []login{
		{"imap", curl, "curl", []string{"", "PLAIN", "PLAIN IR", "LOGIN", "LOGIN IR", "CRAM-MD5"}},
		{"pop3", curl, "curl", []string{"+APOP", "PLAIN", "PLAIN IR", "LOGIN", "LOGIN IR", "CRAM-MD5"}},
		{"imap", python, "python", []string{"LOGIN", "PLAIN", "CRAM-MD5"}},
		{"pop3", python, "python", []string{"USER", "APOP", "PLAIN", "CRAM-MD5"}},
		{"imap", mbsync, "mbsync", []string{"LOGIN"}},
		{"pop3", mpop, "mpop", []string{"user", "plain", "login", "cram-md5", "scram-sha-256"}},
		{"imap", fetchmail, "fetchmail", []string{"password", "cram-md5"}},
		{"pop3", fetchmail, "fetchmail", []string{"password"}},
		{"imap", getmail, "getmail", []string{"", "use_cram_md5"}},
		{"pop3", getmail, "getmail", []string{"", "use_apop"}},
	} {
		t.Run(l.name+"/"+l.protocol, func(t *testing.T) {
			r := startProxy(t, proxyOptions{
				upstreams: []string{lab.open.url(l.protocol, "tls")}, listen: []string{scheme(l.protocol, "tls")},
			})
			for _, auth := range l.auths {
				for _, user := range []string{"u1", "spaces", "unicode", "literal"} {
					if user == "unicode" && strings.HasPrefix(auth, "SCRAM") || user == "u1" && auth != l.auths[0] {
						continue // curl and mpop prepare such passwords in ways of their own
					}
					if user == "unicode" && l.name == "getmail" {
						continue // it sends no password beyond ASCII
					}
					t.Run(cmp.Or(auth, "default")+"/"+user, func(t *testing.T) {
						at := r.through(0, l.protocol, "tls", accountOf(user))
						at.auth = auth
						if got := l.client(t, at); len(got) != at.account.messages {
							t.Errorf("expected %d messages, got %d", at.account.messages, len(got))
						}
					})
				}
			}
			shown := r.finish(t)
			if bad := troubles(shown); bad != nil {
				t.Errorf("%d events of trouble, the first %v", len(bad), bad[0])
			}
		})
	}
}

// TestNoSecretIfItFails tries wrong and unwelcome logins: what a server refuses, or the
// grammar does not know, holds a password too.
func TestNoSecretIfItFails(t *testing.T) {
	r := startProxy(t, proxyOptions{
		upstreams: []string{lab.strict.url("imap", "plain"), lab.strict.url("pop3", "plain"), lab.open.url("imap", "tls"), lab.open.url("pop3", "tls")},
		listen:    []string{"imap", "pop3", "imap", "pop3"},
	})
	plain := base64.StdEncoding.EncodeToString([]byte("\x00u1\x00secret"))
	for i, lines := range [][]string{
		{
			"a1 LOGIN u1 secret\r\n", "a2 login u1 \"secret\"\r\n", "a3 AUTHENTICATE PLAIN " + plain + "\r\n", "LOGIN u1 secret\r\n",
			"a4 LOGIN {2+}\r\nu1 {6+}\r\nsecret\r\n", "a5 LOGN u1 secret\r\n", "a6 AUTHENTICATE NONE " + plain + "\r\n", "a9 LOGOUT\r\n",
		},
		{"USER u1\r\nPASS secret\r\n", "pass secret\r\n", "AUTH PLAIN " + plain + "\r\n", "AUTH NONE " + plain + "\r\n", "PAS secret\r\n", "QUIT\r\n"},
		{
			"a1 LOGIN u1 secretx\r\n", "a2 LOGIN nobody secret\r\n", "a3 AUTHENTICATE PLAIN\r\n", plain + "x\r\n",
			"a4 AUTHENTICATE CRAM-MD5\r\n", plain + "\r\n", "a5 LOGIN u1 secret extra\r\n", "a9 LOGOUT\r\n",
		},
		{"USER nobody\r\nPASS secret\r\n", "APOP u1 secret\r\n", "AUTH PLAIN\r\n", plain + "x\r\n", "AUTH CRAM-MD5\r\n", plain + "\r\n", "QUIT\r\n"},
	} {
		converse(t, r.ports[i], lines)
	}
	r.finish(t)
}

// TestNoSecretAtAnyCut sends logins over a real server cut in two at every position: each
// piece is a TLS record of its own, so the proxy reads them apart.
func TestNoSecretAtAnyCut(t *testing.T) {
	a := accountOf("spaces")
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.password)
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + a.user + "\x00" + a.password))
	for _, c := range []struct{ name, protocol, login, end string }{
		{"LOGIN", "imap", `a1 LOGIN ` + a.user + ` "` + quoted + "\"\r\n", "a2 LOGOUT\r\n"},
		{"LITERAL", "imap", fmt.Sprintf("a1 LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n", len(a.user), a.user, len(a.password), a.password), "a2 LOGOUT\r\n"},
		{"PLAIN", "imap", "a1 AUTHENTICATE PLAIN " + plain + "\r\n", "a2 LOGOUT\r\n"},
		{"PASS", "pop3", "USER " + a.user + "\r\nPASS " + a.password + "\r\n", "QUIT\r\n"},
		{"AUTH", "pop3", "AUTH PLAIN " + plain + "\r\n", "QUIT\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startProxy(t, proxyOptions{
				upstreams: []string{lab.open.url(c.protocol, "plain")}, listen: []string{scheme(c.protocol, "tls")},
			})
			for cut := 1; cut < len(c.login); cut++ {
				answer := converseTLS(t, r.ports[0], []string{c.login[:cut], c.login[cut:], c.end})
				if !strings.Contains(answer, "ogged in") {
					t.Fatalf("cut at %d: the login failed: %q", cut, answer)
				}
			}
			r.finish(t)
		})
	}
}
