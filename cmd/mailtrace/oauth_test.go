package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/oauth"
)

// A kept token that has expired is refreshed by a client with its secret; one that the mail server refuses is
// refreshed at the next login, whatever its expiry says.
func TestOAuthLogin(t *testing.T) {
	grants := 0
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.PostFormValue("client_id") != "c1" || r.PostFormValue("client_secret") != "hush" || r.PostFormValue("refresh_token") != fmt.Sprintf("refresh-%d", grants) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error": "invalid_grant"}`)
			return
		}
		grants++
		fmt.Fprintf(w, `{"access_token": "access-%d", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-%[1]d"}`, grants)
	}))
	defer issuer.Close()

	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("MAILTRACE_CLIENT_ID", "c1")
	t.Setenv("MAILTRACE_CLIENT_SECRET", "hush")
	file := filepath.Join(dir, "issuer.json")
	text := fmt.Sprintf(`{"authorization_endpoint": %q, "token_endpoint": %q, "scopes": ["mail"]}`, issuer.URL+"/a", issuer.URL+"/t")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keepExpired(t, file, issuer.URL+"/t")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	logins := make(chan string, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			logins <- refuseToken(c)
		}
	}()
	for _, want := range []string{"access-1", "access-2"} {
		out := filepath.Join(dir, "out")
		f, err := os.Create(out)
		if err != nil {
			t.Fatal(err)
		}
		code := run(t.Context(), []string{"mailtrace", "folders", "--oauth2", file, "--allow-cleartext", "imap://u1@" + l.Addr().String()}, f, f)
		f.Close()
		said, err := os.ReadFile(out)
		if err != nil || code != exitIO || !strings.Contains(string(said), "by XOAUTH2: no such token") || !strings.Contains(string(said), "the next login gets another token") {
			t.Fatalf("%d, %v:\n%s", code, err, said)
		}
		for _, secret := range []string{"access-", "refresh-", "hush"} {
			if strings.Contains(string(said), secret) {
				t.Errorf("%s is told:\n%s", secret, said)
			}
		}
		if got, want := <-logins, "user=u1\x01auth=Bearer "+want+"\x01\x01"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// refuseToken is an IMAP server that takes no token. It gives what it was told.
func refuseToken(c net.Conn) (initial string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) == 4 && w[1] == "AUTHENTICATE" {
			text, _ := base64.StdEncoding.DecodeString(w[3])
			initial = string(text)
			fmt.Fprintf(c, "%s NO no such token\r\n", w[0])
		} else if len(w) > 1 {
			fmt.Fprintf(c, "%s OK done\r\n", w[0])
		}
	}
	return initial
}

// keepExpired puts a token of an earlier run into its place.
func keepExpired(t *testing.T, file, endpoint string) {
	t.Helper()
	dir, err := oauth.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	place, err := oauth.Place(oauth.Options{Issuer: file, ClientID: "c1", User: "u1"})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"Issuer": %q, "Client": "c1", "User": "u1", "Access": "access-0", "Refresh": "refresh-0", "Expiry": "2020-01-01T00:00:00Z"}`, endpoint)
	if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
