//go:build interop

package interop

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	mailclient "github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/sasl"
)

// login logs in at a server as the mail client does, and out again.
func login(t *testing.T, s *server, protocol, leg, mechanism string, a account) error {
	t.Helper()
	u, err := dial.Parse(s.url(protocol, leg))
	if err != nil {
		t.Fatal(err)
	}
	u.User = a.user
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(contents(t, lab.certs.ca)))
	cfg := mailclient.Config{
		URL: u, Dial: &dial.Config{Roots: roots}, Idle: 30 * time.Second, Mechanism: mechanism,
		Password: func(context.Context) (string, error) { return a.password, nil },
	}
	if protocol == "pop3" {
		c, err := mailclient.DialPOP3(t.Context(), cfg)
		if err == nil {
			c.Close(nil)
		}
		return err
	}
	c, err := mailclient.DialIMAP(t.Context(), cfg)
	if err == nil {
		c.Close(nil)
	}
	return err
}

// TestLogin logs in by each mechanism that a server offers, and by the one that it takes for the strongest with
// passwords that are hard to say. A wrong password is told as such.
func TestLogin(t *testing.T) {
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		for _, protocol := range []string{"imap", "pop3"} {
			t.Run(s.name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				offered := 0
				for _, mechanism := range append(sasl.Known(), "USER", "APOP") {
					if protocol == "imap" && (mechanism == "USER" || mechanism == "APOP") || s == lab.courier && mechanism == "APOP" {
						continue
					}
					if s == lab.cyrus && strings.HasSuffix(mechanism, "-PLUS") {
						continue // offered, and no binding taken; without a mechanism named it is tried below
					}
					err := login(t, s, protocol, "tls", mechanism, accountOf("u1"))
					if errors.As(err, new(*sasl.ChoiceError)) {
						continue
					}
					offered++
					if err != nil {
						t.Errorf("by %s: %v", mechanism, err)
					}
				}
				if offered < 3 {
					t.Errorf("%d mechanisms were offered, expected PLAIN, LOGIN and more", offered)
				}
				for _, user := range []string{"spaces", "unicode", "literal"} {
					for _, mechanism := range []string{"", "PLAIN"} {
						if err := login(t, s, protocol, "tls", mechanism, accountOf(user)); err != nil {
							t.Errorf("%s by %q: %v", user, mechanism, err)
						}
					}
				}
				a := accountOf("u1")
				a.password += "x"
				if err := login(t, s, protocol, "tls", "PLAIN", a); !errors.As(err, new(*mailclient.AuthError)) {
					t.Errorf("a wrong password: %v", err)
				}
			})
		}
	}
}
