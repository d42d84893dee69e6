package dial

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	imaps := URL{Scheme: "imaps", Protocol: IMAP, Security: TLS, Host: "imap.example.org", Port: 993}
	with := func(change func(*URL)) URL {
		u := imaps
		change(&u)
		return u
	}
	tests := []struct {
		raw   string
		want  URL
		short string // String; raw where empty
	}{
		{"imaps://imap.example.org", imaps, ""},
		{"IMAPS://IMAP.Example.Org:993/", imaps, "imaps://imap.example.org"},
		{"imaps://imap.example.org:", imaps, "imaps://imap.example.org"},
		{"imap://h", URL{Scheme: "imap", Protocol: IMAP, Host: "h", Port: 143}, ""},
		{"imap+starttls://h", URL{Scheme: "imap+starttls", Protocol: IMAP, Security: StartTLS, Host: "h", Port: 143}, ""},
		{"pop3://h", URL{Scheme: "pop3", Protocol: POP3, Host: "h", Port: 110}, ""},
		{"pop3s://h", URL{Scheme: "pop3s", Protocol: POP3, Security: TLS, Host: "h", Port: 995}, ""},
		{"pop3+starttls://h:2110", URL{Scheme: "pop3+starttls", Protocol: POP3, Security: StartTLS, Host: "h", Port: 2110}, ""},
		{"imaps://alice@imap.example.org", with(func(u *URL) { u.User = "alice" }), ""},
		{"imaps://alice%40example.org@imap.example.org", with(func(u *URL) { u.User = "alice@example.org" }), ""},
		{"imaps://a%3Ab%2F%25@imap.example.org", with(func(u *URL) { u.User = "a:b/%" }), ""},
		{"imaps://imap.example.org/INBOX", with(func(u *URL) { u.Mailbox = "INBOX" }), ""},
		{"imaps://imap.example.org:1/a/b", with(func(u *URL) { u.Mailbox, u.Port = "a/b", 1 }), ""},
		{"imaps://imap.example.org/R%C3%A9union%20%3F%23", with(func(u *URL) { u.Mailbox = "Réunion ?#" }), ""},
		{"imaps://imap.example.org/Réunion", with(func(u *URL) { u.Mailbox = "Réunion" }), "imaps://imap.example.org/R%C3%A9union"},
		{"imaps://imap.example.org/a%40b", with(func(u *URL) { u.Mailbox = "a@b" }), ""},
		{"imaps://192.0.2.1:1993", with(func(u *URL) { u.Host, u.Port = "192.0.2.1", 1993 }), ""},
		{"imaps://[2001:DB8::1]", with(func(u *URL) { u.Host = "2001:db8::1" }), "imaps://[2001:db8::1]"},
		{"imaps://bob@[::1]:7/x", with(func(u *URL) { u.User, u.Host, u.Port, u.Mailbox = "bob", "::1", 7, "x" }), ""},
		{"imaps://[fe80::1%25eth0]", with(func(u *URL) { u.Host = "fe80::1%eth0" }), ""},
		{"imaps://[fe80::1%eth0]", with(func(u *URL) { u.Host = "fe80::1%eth0" }), "imaps://[fe80::1%25eth0]"},
	}
	for _, test := range tests {
		got, err := Parse(test.raw)
		if err != nil {
			t.Errorf("Parse(%q): %v", test.raw, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", test.raw, diff)
		}
		short := test.short
		if short == "" {
			short = test.raw
		}
		if got.String() != short {
			t.Errorf("Parse(%q).String() = %q; want %q", test.raw, got, short)
		}
	}
}

// Where mailtrace is the mail client, a password is not left to another one.
func TestParseLogin(t *testing.T) {
	for _, test := range []struct{ raw, hint string }{
		{"imaps://alice:hunter2@h:1993/x", "give it by MAILTRACE_PASSWORD or --password-command, and write imaps://alice@h:1993"},
		{"imaps://alice:hunt/er2@h", "a password comes from MAILTRACE_PASSWORD or --password-command"},
	} {
		_, err := ParseLogin(test.raw)
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(usage.Hint(), test.hint) || strings.Contains(usage.Hint(), "mail client") {
			t.Errorf("ParseLogin(%q): %v, %+v; want the hint %q", test.raw, err, usage, test.hint)
			continue
		}
		if strings.Contains(err.Error()+usage.Hint(), "hunt") {
			t.Errorf("ParseLogin(%q): the password is told: %v", test.raw, err)
		}
	}
	u, err := ParseLogin("imaps://alice@h/x")
	if want, _ := Parse("imaps://alice@h/x"); err != nil || u != want {
		t.Errorf("ParseLogin = %#v, %v; want what Parse gives: %#v", u, err, want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		raw, want, hint string
	}{
		{"smtp://h", `unknown scheme "smtp"`, "imap, imaps, imap+starttls, pop3, pop3s, pop3+starttls"},
		{"imap.example.org:993", "no scheme", "write imaps://imap.example.org"},
		{"imap.example.org", "no scheme", "write imaps://imap.example.org"},
		{"mail.example.org:143", "no scheme", "write imap://mail.example.org"},
		{"mail.example.org:995/", "no scheme", "write pop3s://mail.example.org"},
		{"pop.example.org:7000", "no scheme", "write pop3s://pop.example.org:7000"},
		{"alice@imap.example.org/INBOX", "no scheme", "write imaps://alice@imap.example.org/INBOX"},
		{"alice@example.org@imap.example.org", "no scheme", "imaps://alice%40example.org@imap.example.org"},
		{"imaps:imap.example.org", "no scheme", "write imaps://imap.example.org"},
		{"imaps:/imap.example.org", "no scheme", "write imaps://imap.example.org"},
		{"", "no scheme", "pop3+starttls"},
		{"imaps://alice@example.org@imap.example.org", `two "@"`, `written %40: imaps://alice%40example.org@imap.example.org`},
		{
			"imaps://alice:hunter2@imap.example.org:1993/x", `"imaps://alice:xxxxx@imap.example.org:1993/x": a password in the URL is refused`,
			"leave it to the mail client, and write imaps://alice@imap.example.org:1993",
		},
		{"imaps://alice@example.org:hunter2@h", "a password in the URL is refused", "write imaps://alice%40example.org@h"},
		{"imaps://alice:hunt/er2@h", `"@" behind the host`, "a password stays with the mail client"},
		{"imaps://alice:1234/hunter2@h", `"@" behind the host`, "a password stays with the mail client"},
		{"imaps://@h", `no user before the "@"`, ""},
		{"imaps://", "no host", "imap.example.org"},
		{"imaps:///INBOX", "no host", ""},
		{"imaps://:993", "no host", ""},
		{"imaps://h:0", "not a number from 1 to 65535", "993"},
		{"imaps://h:65536", "not a number from 1 to 65535", ""},
		{"imaps://h:+1", "not a number from 1 to 65535", ""},
		{"imaps://alice:hunter2", `"imaps://alice:xxxxx": the port is not a number`, ""},
		{"imaps://::1", "IPv6 address without brackets", "imaps://[::1]"},
		{"imaps://[::1", `"[" without "]"`, ""},
		{"imaps://[::1]993", `behind the "]"`, ""},
		{"imaps://[imap.example.org]", "no IPv6 address", ""},
		{"imaps://bücher.example", "beyond ASCII", "xn--"},
		{"imaps://h!", "not a host name", ""},
		{"imaps://*", "not a host name", ""},
		{"imaps://h/a b", "a space or control character", "%20"},
		{"imaps://h/a\r\nb", "a space or control character", ""},
		{"imaps://h/a?b", `a "?" or "#"`, "%3F"},
		{"imaps://h#b", `a "?" or "#"`, "%23"},
		{"imaps://h/100%", "two hexadecimal digits", ""},
		{"imaps://a%0D%0Ab@h", "a line end or NUL", ""},
		{"imaps://h/%FF", "not UTF-8", ""},
		{"pop3s://h/INBOX", "no mailboxes", "leave out"},
	}
	for _, test := range tests {
		u, err := Parse(test.raw)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("Parse(%q) = %v, %v; want a *UsageError", test.raw, u, err)
			continue
		}
		if u != (URL{}) {
			t.Errorf("Parse(%q) gives %#v with its error", test.raw, u)
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%q): %q; want it to say %q", test.raw, err, test.want)
		}
		if !strings.Contains(usage.Hint(), test.hint) {
			t.Errorf("Parse(%q): hint %q; want it to say %q", test.raw, usage.Hint(), test.hint)
		}
		if all := err.Error() + usage.Hint(); strings.Contains(all, "hunter2") || strings.Contains(all, "hunt/er2") {
			t.Errorf("Parse(%q) repeats the password: %q", test.raw, all)
		}
	}
}

func TestParseListen(t *testing.T) {
	for raw, want := range map[string]URL{
		"imaps://":                    {Scheme: "imaps", Protocol: IMAP, Security: TLS, Host: "127.0.0.1", Port: 1993},
		"imaps://:0":                  {Scheme: "imaps", Protocol: IMAP, Security: TLS, Host: "127.0.0.1"},
		"imap+starttls://localhost:0": {Scheme: "imap+starttls", Protocol: IMAP, Security: StartTLS, Host: "localhost"},
		"imap://[::]:143":             {Scheme: "imap", Protocol: IMAP, Host: "::", Port: 143},
		"pop3://0.0.0.0":              {Scheme: "pop3", Protocol: POP3, Host: "0.0.0.0", Port: 1110},
		"pop3+starttls://h/":          {Scheme: "pop3+starttls", Protocol: POP3, Security: StartTLS, Host: "h", Port: 1110},
		"pop3s://":                    {Scheme: "pop3s", Protocol: POP3, Security: TLS, Host: "127.0.0.1", Port: 1995},
	} {
		got, err := ParseListen(raw)
		if err != nil || got != want {
			t.Errorf("ParseListen(%q) = %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for raw, want := range map[string]string{
		"imaps://u@h":    "a listener has no user",
		"imaps://h/x":    "a listener has no mailbox",
		"imaps://*:1993": `"*" is no host`,
		"imaps://h:x":    "not a number",
	} {
		if _, err := ParseListen(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseListen(%q): %v; want it to say %q", raw, err, want)
		}
	}
	_, err := ParseListen("127.0.0.1:1143")
	var usage *UsageError
	if !errors.As(err, &usage) || usage.Hint() != "write imap://127.0.0.1:1143" {
		t.Errorf("ParseListen without a scheme: %v, hint %q", err, usage.Hint())
	}
}

func TestListenHelpers(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.8.8": true, "::1": true, "::ffff:127.0.0.1": true, "localhost": true,
		"0.0.0.0": false, "::": false, "192.0.2.1": false, "h": false, "localhost.example.org": false,
	} {
		if got := (URL{Host: host}).IsLoopback(); got != want {
			t.Errorf("IsLoopback of %s = %v", host, got)
		}
	}
	for scheme, want := range map[string]string{
		"imap": "127.0.0.1:1143", "imap+starttls": "127.0.0.1:1143", "imaps": "127.0.0.1:1993",
		"pop3": "127.0.0.1:1110", "pop3+starttls": "127.0.0.1:1110", "pop3s": "127.0.0.1:1995",
	} {
		u := DefaultListen(scheme)
		if u.Addr() != want || u.Scheme != scheme || !u.IsLoopback() {
			t.Errorf("DefaultListen(%s) = %v", scheme, u)
		}
		if again, err := ParseListen(u.String()); err != nil || again != u {
			t.Errorf("%v is read back as %v, %v", u, again, err)
		}
	}
	if got := (URL{Host: "::1", Port: 993}).Addr(); got != "[::1]:993" {
		t.Errorf("Addr = %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"imaps://alice%40example.org@imap.example.org:993/INBOX", "pop3+starttls://[fe80::1%25a]:1", "imap.example.org:993",
		"imaps://a:b@c", "imaps://:0", "imap://::1", "a:b:c@d://e", "imaps:///x@y:z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, parse := range []func(string) (URL, error){Parse, ParseListen} {
			u, err := parse(raw)
			if err != nil {
				var usage *UsageError
				if !errors.As(err, &usage) {
					t.Fatalf("%T", err)
				}
				continue
			}
			again, err := parse(u.String())
			if err != nil || again != u {
				t.Fatalf("%q is %#v, written %q and read back as %#v, %v", raw, u, u, again, err)
			}
		}
	})
}

func FuzzParseHidesPassword(f *testing.F) {
	f.Add("imaps://", "alice", "", "", "@imap.example.org")
	f.Add("imap://", "alice@example.org", "p@/", "?#", "@h:993/INBOX")
	f.Add("", "alice", "12/", "", "@h")
	f.Add("nntp://", "a", "://", "@", "@h")
	f.Fuzz(func(t *testing.T, scheme, user, before, after, rest string) {
		const secret = "S3CR3Tword"
		if strings.ContainsAny(user, "/?#") || !strings.HasPrefix(rest, "@") || strings.Contains(scheme, ":") && !strings.HasSuffix(scheme, "://") {
			return // not a user, a colon, a password and a host
		}
		if !strings.HasSuffix(scheme, "://") && strings.HasPrefix(before, "//") {
			return // with the colon before it, that makes the user a scheme
		}
		_, err := Parse(scheme + user + ":" + before + secret + after + rest)
		if err == nil {
			t.Fatal("a password was accepted")
		}
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Fatalf("%T", err)
		}
		if all := err.Error() + usage.Hint(); strings.Contains(all, secret) {
			t.Fatalf("the password shows: %s", all)
		}
	})
}
