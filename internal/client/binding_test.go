package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// A server that offers a channel binding and does not take it is logged in to without, and the user is told;
// one that refuses the password is not asked twice.
func TestBindingRefused(t *testing.T) {
	ca, _, err := certs.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf([]string{"localhost"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, answer, proof string
		attempts            string
	}{
		{"at once", "NO what", "NO [AUTHENTICATIONFAILED] no", "SCRAM-SHA-256-PLUS p=tls-exporter SCRAM-SHA-256 n"},
		{"the password", "", "NO [AUTHENTICATIONFAILED] no", "SCRAM-SHA-256-PLUS p=tls-exporter"},
		{"at the proof", "", "NO bad protocol / cancel", "SCRAM-SHA-256-PLUS p=tls-exporter SCRAM-SHA-256 n"},
	} {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*leaf}})
		if err != nil {
			t.Fatal(err)
		}
		attempts := make(chan string, 1)
		go func() {
			var said []string
			defer func() { attempts <- strings.Join(said, " ") }()
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			tag := ""
			say := func(s string) { _, _ = conn.Write([]byte(s + "\r\n")) }
			say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256] hi")
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				w := strings.Fields(lines.Text())
				if len(w) < 4 || w[1] != "AUTHENTICATE" {
					say(tag + " " + c.proof)
					continue
				}
				tag = w[0]
				ir, _ := base64.StdEncoding.DecodeString(w[3])
				header, rest, _ := strings.Cut(string(ir), ",")
				said = append(said, w[2], header)
				_, nonce, _ := strings.Cut(rest, "r=")
				switch {
				case c.answer != "" && strings.HasSuffix(w[2], "-PLUS"):
					say(w[0] + " " + c.answer)
				case c.answer != "":
					say(w[0] + " NO [AUTHENTICATIONFAILED] no")
				default:
					say("+ " + base64.StdEncoding.EncodeToString([]byte("r="+nonce+"x,s=QSXCR+Q6sek8bf92,i=4096")))
				}
			}
		}()
		told := ""
		_, err = DialIMAP(t.Context(), Config{
			URL:      dial.URL{Scheme: "imaps", Protocol: dial.IMAP, Security: dial.TLS, Host: "localhost", Port: ln.Addr().(*net.TCPAddr).Port, User: "u1"},
			Dial:     &dial.Config{Roots: ca.Pool()},
			Password: func(context.Context) (string, error) { return "p", nil },
			Alert:    func(text string) { told = text },
		})
		ln.Close()
		var refused *AuthError
		if got := <-attempts; got != c.attempts || !errors.As(err, &refused) {
			t.Fatalf("%s: %q, %v; want %q", c.name, got, err, c.attempts)
		}
		if want := strings.HasSuffix(c.attempts, "tls-exporter"); want != strings.Contains(refused.Hint(), "--auth SCRAM-SHA-256 does without") {
			t.Errorf("%s: hint: %s", c.name, refused.Hint())
		}
		if (told != "") != strings.Contains(c.attempts, " n") {
			t.Errorf("%s: told %q", c.name, told)
		}
	}
}
