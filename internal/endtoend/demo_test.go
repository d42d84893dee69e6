package endtoend

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"

	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/replay"
)

// The account of the embedded server.
const (
	demoUser     = "reader"
	demoPassword = "open sesame 4711"
)

// startDemo runs the embedded server of a protocol behind a security: "", "s" (TLS) or
// "+starttls" (which it insists on). It ends with the test.
func startDemo(t tester, protocol, security string) string {
	t.Helper()
	s := &mailserver.Server{
		Store: mailserver.NewStore(mailserver.DemoMessages()), Users: map[string]string{demoUser: demoPassword},
		RequireTLS: security != "",
	}
	s.OnIdle = func() {
		if _, err := s.Store.Append("INBOX", mailserver.LateMessage()); err != nil {
			t.Errorf("%v", err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v", err)
	}
	addr := ln.Addr().String()
	switch security {
	case "s":
		ln = tls.NewListener(ln, world.server)
	case "+starttls":
		s.TLSConfig = world.server
	}
	served := make(chan error, 1)
	go func() {
		if protocol == "imap" {
			served <- s.ServeIMAP(ln)
		} else {
			served <- s.ServePOP3(ln)
		}
	}()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("%v", err)
		}
	})
	return addr
}

// playDemo plays the session of "mailtrace demo" as a client to its end.
func playDemo(c net.Conn, protocol string, startTLS bool) error {
	defer c.Close()
	script, err := replay.ParseFS(mailserver.Scripts(), protocol+".script")
	if err != nil {
		return err
	}
	o := replay.Options{User: demoUser, Password: demoPassword}
	last := c
	if startTLS {
		o.StartTLS = func(c net.Conn) (net.Conn, error) {
			s := tls.Client(c, clientTLS())
			last = s
			return s, s.Handshake()
		}
	}
	result, err := replay.Play(context.Background(), c, script, script.Conns[0].Name, o)
	switch {
	case err != nil:
		return err
	case len(result.Differences) > 0:
		return fmt.Errorf("%v", result.Differences)
	case result.Unplayed > 0 || result.Sent == 0:
		return fmt.Errorf("%d sent, %d unplayed", result.Sent, result.Unplayed)
	}
	_, err = io.Copy(io.Discard, last) // the server closes first
	return err
}
