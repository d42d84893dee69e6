package dial

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// mailServer is a handle for serve: greeting, STARTTLS or STLS where the scheme has it, and a
// polite end. What the client says is reported line by line.
func mailServer(u URL, cfg *tls.Config, greeting string, said chan<- string) func(net.Conn) {
	return func(conn net.Conn) {
		if u.Security == TLS {
			conn = tls.Server(conn, cfg)
		}
		in := bufio.NewReader(conn)
		io.WriteString(conn, greeting)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimSuffix(line, "\r\n")
			said <- line
			answer := "+OK "
			if u.Protocol == IMAP {
				tag, _, _ := strings.Cut(line, " ")
				answer = tag + " OK "
			}
			io.WriteString(conn, answer+"done\r\n")
			if !strings.HasSuffix(line, "TLS") && !strings.HasSuffix(line, "STLS") {
				return
			}
			conn = tls.Server(conn, cfg)
			in = bufio.NewReader(conn)
		}
	}
}

func TestProbe(t *testing.T) {
	a := newAuthority(t)
	good := &tls.Config{Certificates: []tls.Certificate{issue(t, template("127.0.0.1"), a)}}
	ending := template("127.0.0.1")
	ending.NotAfter = time.Now().Add(5 * 24 * time.Hour)
	soonOver := &tls.Config{Certificates: []tls.Certificate{issue(t, ending, a)}}
	wrong := &tls.Config{Certificates: []tls.Certificate{issue(t, template("mail.example.org"), a)}}
	old := &tls.Config{Certificates: good.Certificates, MaxVersion: tls.VersionTLS12}

	tests := []struct {
		scheme   string
		cfg      *tls.Config
		insecure bool
		want     string
		said     string
	}{
		{"imap", nil, false, "in clear, no TLS", "m2 LOGOUT"},
		{"imaps", good, false, "TLS 1.3, certificate valid", "m2 LOGOUT"},
		{"imap+starttls", good, false, "TLS 1.3 after STARTTLS, certificate valid", "m1 STARTTLS, m2 LOGOUT"},
		{"pop3", nil, false, "in clear, no TLS", "QUIT"},
		{"pop3s", old, false, "TLS 1.2, certificate valid", "QUIT"},
		{"pop3+starttls", good, false, "TLS 1.3 after STARTTLS, certificate valid", "STLS, QUIT"},
		{"imaps", good, true, "TLS 1.3, certificate valid", "m2 LOGOUT"},
		{"imaps", wrong, true, "TLS 1.3, certificate NOT verified: the certificate is for mail.example.org, not for 127.0.0.1", "m2 LOGOUT"},
		{"imaps", soonOver, false, "TLS 1.3, certificate valid, but only until " + ending.NotAfter.UTC().Format(time.DateOnly), "m2 LOGOUT"},
	}
	for _, test := range tests {
		t.Run(test.scheme, func(t *testing.T) {
			u, err := Parse(test.scheme + "://127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			greeting := "* OK ready"
			if u.Protocol == POP3 {
				greeting = "+OK ready"
			}
			said := make(chan string, 10)
			u = at127(t, u, serve(t, mailServer(u, test.cfg, greeting+"\r\n", said)))
			answer, err := (&Config{Roots: a.pool, Insecure: test.insecure}).Probe(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := answer.String(), u.Addr()+" answers: "+test.want; got != want {
				t.Errorf("%q; want %q", got, want)
			}
			if answer.Greeting != greeting {
				t.Errorf("greeting %q", answer.Greeting)
			}
			if answer.Remote.String() != u.Addr() {
				t.Errorf("remote address %v", answer.Remote)
			}
			if test.cfg == nil {
				if answer.Names() != nil || answer.Certificate != nil {
					t.Error("a certificate without TLS")
				}
			} else if got, want := strings.Join(answer.Names(), " "), strings.Join(certificateNames(test.cfg.Certificates[0].Leaf), " "); got != want {
				t.Errorf("names %q; want %q", got, want)
			}
			var lines []string
			for range strings.Count(test.said, ",") + 1 {
				lines = append(lines, <-said)
			}
			if got := strings.Join(lines, ", "); got != test.said {
				t.Errorf("said %q; want %q", got, test.said)
			}
		})
	}
}

// at127 is u at the address of a server of serve's.
func at127(t *testing.T, u URL, addr string) URL {
	t.Helper()
	at, err := Parse(u.Scheme + "://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestProbeFails(t *testing.T) {
	a := newAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{issue(t, template("127.0.0.1"), a)}}
	demanding := cfg.Clone()
	demanding.ClientAuth = tls.RequireAnyClientCert
	tests := []struct {
		name, scheme, greeting string
		cfg                    *tls.Config
		stage                  Stage
		what, hint             string
	}{
		{"BYE", "imaps", "* BYE busy\r\n", cfg, StageGreeting, "turns us away", "later"},
		{"other protocol", "imaps", "+OK ready\r\n", cfg, StageGreeting, "a server for IMAP", "use pop3s://127.0.0.1:"},
		{"other protocol in clear", "pop3", "* OK ready\r\n", nil, StageGreeting, "a server for POP3", "use imap://127.0.0.1:"},
		{"client certificate", "imaps", "* OK ready\r\n", demanding, StageGreeting, "client certificate", ""},
		{"PREAUTH", "imap+starttls", "* PREAUTH ready\r\n", cfg, StageStartTLS, "PREAUTH", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u, err := Parse(test.scheme + "://127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			u = at127(t, u, serve(t, mailServer(u, test.cfg, test.greeting, make(chan string, 10))))
			_, err = (&Config{Roots: a.pool}).Probe(t.Context(), u)
			if e := wantError(t, err, test.stage, test.what, test.hint); e.Addr != u.Addr() {
				t.Errorf("address %s; want %s", e.Addr, u.Addr())
			}
		})
	}
}

func TestProbePreauth(t *testing.T) {
	u := URL{Scheme: "imap", Protocol: IMAP, Host: "127.0.0.1"}
	u = at127(t, u, serve(t, mailServer(u, nil, "* PREAUTH hello\r\n", make(chan string, 10))))
	if answer, err := (&Config{}).Probe(t.Context(), u); err != nil || answer.Greeting != "* PREAUTH hello" {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestDial(t *testing.T) {
	a := newAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{issue(t, template("127.0.0.1"), a)}}
	c := &Config{Roots: a.pool}
	for _, scheme := range []string{"imap", "imaps", "imap+starttls"} {
		u, err := Parse(scheme + "://127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		u = at127(t, u, serve(t, mailServer(u, cfg, "* OK ready\r\n", make(chan string, 10))))
		var seen transcript
		conn, err := c.Dial(t.Context(), u, seen.observe)
		if err != nil {
			t.Fatal(err)
		}
		if _, isTLS := conn.Conn.(*tls.Conn); isTLS != (u.Security != Plain) || isTLS != (conn.TLS != nil) {
			t.Errorf("%s: TLS %v, state %v", scheme, isTLS, conn.TLS)
		}
		greeting := string(conn.Greeting)
		if u.Security != StartTLS {
			if greeting != "" || len(seen) > 0 {
				t.Errorf("%s: greeting %q, observed %q before any was asked for", scheme, greeting, seen)
			}
			if greeting, err = bufio.NewReader(conn).ReadString('\n'); err != nil {
				t.Error(err)
			}
		} else if len(seen) != 3 {
			t.Errorf("observed %q", seen)
		}
		if greeting != "* OK ready\r\n" {
			t.Errorf("%s: greeting %q", scheme, greeting)
		}
		conn.Close()
	}
}

// A failed Dial leaves no connection behind: the server sees its end.
func TestDialClosesOnFailure(t *testing.T) {
	ended := make(chan error, 1)
	u := at127(t, URL{Scheme: "imap+starttls"}, serve(t, func(conn net.Conn) {
		io.WriteString(conn, "* OK ready\r\n")
		in := bufio.NewReader(conn)
		in.ReadString('\n')
		io.WriteString(conn, "m1 NO\r\n")
		_, err := in.ReadByte()
		ended <- err
	}))
	_, err := (&Config{}).Dial(t.Context(), u, nil)
	wantError(t, err, StageStartTLS, "refuses", "use imaps://127.0.0.1 if")
	if !errors.Is(err, ErrRefused) {
		t.Errorf("%v is not ErrRefused", err)
	}
	if err := <-ended; err == nil {
		t.Error("the server read on")
	}
}
