package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// serve runs the embedded server, and gives the configuration to reach it by a scheme.
func serve(t *testing.T, scheme string, change func(*mailserver.Server)) Config {
	t.Helper()
	ca, _, err := certs.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf([]string{"localhost"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{*leaf}}
	s := &mailserver.Server{Store: mailserver.NewStore(mailserver.DemoMessages()), TLSConfig: conf, Users: map[string]string{"u1": "secret-1"}}
	if change != nil {
		change(s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := dial.Parse(scheme + "://u1@localhost")
	if err != nil {
		t.Fatal(err)
	}
	u.Port = ln.Addr().(*net.TCPAddr).Port
	if u.Security == dial.TLS {
		ln = tls.NewListener(ln, conf)
	}
	run := s.ServeIMAP
	if u.Protocol == dial.POP3 {
		run = s.ServePOP3
	}
	done := make(chan error, 1)
	go func() { done <- run(ln) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return Config{
		URL: u, Dial: &dial.Config{Roots: ca.Pool()}, Idle: 10 * time.Second, AllowCleartext: true,
		Password: func(context.Context) (string, error) { return "secret-1", nil },
	}
}

// heard is an Observer that keeps what was said.
type heard struct {
	octets [3]bytes.Buffer
	kinds  []decode.Kind
}

func (h *heard) Mark(m decode.Mark) { h.kinds = append(h.kinds, m.Kind) }

func (h *heard) Octets(d decode.Dir, _ time.Time, p []byte) { h.octets[d].Write(p) }

func TestIMAP(t *testing.T) {
	want := mailserver.DemoMessages()
	for _, scheme := range []string{"imap", "imaps", "imap+starttls"} {
		t.Run(scheme, func(t *testing.T) {
			cfg := serve(t, scheme, nil)
			h := &heard{}
			cfg.Observer = h
			ctx := t.Context()
			c, err := DialIMAP(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			m, err := c.Select(ctx, "INBOX", true, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if int(m.Exists) != len(want) || m.UIDValidity == 0 || !m.ReadOnly {
				t.Errorf("%+v, want %d messages", m, len(want))
			}
			n := 0
			err = c.Fetch(ctx, false, "1:*", "(UID FLAGS BODY.PEEK[])", func(f *Fetched) error {
				n++
				s := f.Content(0)
				defer s.Drop()
				got, ok := s.Bytes()
				if !ok || !bytes.Equal(got, want[f.Number-1].Octets) {
					t.Errorf("message %d: %d octets, want %d", f.Number, s.Size(), len(want[f.Number-1].Octets))
				}
				return nil
			})
			if err != nil || n != len(want) {
				t.Errorf("%d messages, %v", n, err)
			}
			var refused *ServerError
			if _, err := c.Select(ctx, "none", false, "", nil); !errors.As(err, &refused) || refused.Mailbox != "none" {
				t.Errorf("SELECT of what is not there: %v", err)
			}
			if err := c.Logout(ctx); err != nil {
				t.Error(err)
			}
			if s := h.octets[decode.Client].String(); !strings.Contains(s, "LOGOUT") || !strings.HasSuffix(s, "\r\n") {
				t.Errorf("observed %q", s)
			}
			if last := h.kinds[len(h.kinds)-1]; h.kinds[0] != decode.Open || last != decode.Close {
				t.Errorf("marks %v", h.kinds)
			}
		})
	}
}

func TestPOP3(t *testing.T) {
	want := mailserver.DemoMessages()
	for _, scheme := range []string{"pop3", "pop3s", "pop3+starttls"} {
		t.Run(scheme, func(t *testing.T) {
			cfg := serve(t, scheme, nil)
			ctx := t.Context()
			c, err := DialPOP3(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			n, _, err := c.Stat(ctx)
			if err != nil || n != len(want) {
				t.Errorf("STAT: %d, %v", n, err)
			}
			sizes, err := c.List(ctx)
			if err != nil || len(sizes) != len(want) {
				t.Fatalf("LIST: %v, %v", sizes, err)
			}
			ids, err := c.UIDL(ctx)
			if err != nil || len(ids) != len(want) || ids[0].ID == "" {
				t.Errorf("UIDL: %v, %v", ids, err)
			}
			i, got := 0, 0
			err = c.Pipeline(ctx, func() (string, bool) {
				i++
				return "RETR " + itoa(int64(i)), i <= n
			}, func(i int, r *Reply) error {
				got++
				p, ok := r.Content.Bytes()
				if !r.OK || !ok || !bytes.Equal(p, want[i].Octets) {
					t.Errorf("message %d: %d octets, want %d", i+1, len(p), len(want[i].Octets))
				}
				return nil
			})
			if err != nil || got != n {
				t.Errorf("%d messages, %v", got, err)
			}
			if err := c.Quit(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLoginRefused(t *testing.T) {
	for _, scheme := range []string{"imaps", "pop3s"} {
		cfg := serve(t, scheme, nil)
		cfg.Password = func(context.Context) (string, error) { return "not-that-one", nil }
		var err error
		if cfg.URL.Protocol == dial.IMAP {
			_, err = DialIMAP(t.Context(), cfg)
		} else {
			_, err = DialPOP3(t.Context(), cfg)
		}
		var refused *AuthError
		if !errors.As(err, &refused) || refused.Hint() == "" || strings.Contains(err.Error(), "not-that-one") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// A password is not said where others could read it.
func TestNoCleartext(t *testing.T) {
	for _, scheme := range []string{"imap", "pop3"} {
		cfg := serve(t, scheme, nil)
		h := &heard{}
		cfg.Observer, cfg.AllowCleartext = h, false
		var err error
		if cfg.URL.Protocol == dial.IMAP {
			_, err = DialIMAP(t.Context(), cfg)
		} else {
			_, err = DialPOP3(t.Context(), cfg)
		}
		if err == nil || !strings.Contains(err.Error(), "without TLS") {
			t.Errorf("%s: %v", scheme, err)
		}
		if s := h.octets[decode.Client].String(); strings.Contains(s, "secret-1") || strings.Contains(s, "u1") {
			t.Errorf("%s: said %q", scheme, s)
		}
	}
}
