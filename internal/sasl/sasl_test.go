package sasl

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The exchanges of RFC 5802 §5 and RFC 7677 §3.
func TestSCRAM(t *testing.T) {
	for _, c := range []struct{ name, nonce, first, challenge, final, signature string }{
		{
			"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		s, err := newSCRAM(c.name, nil, &Credentials{User: "user", Password: "pencil"})
		if err != nil {
			t.Fatal(err)
		}
		s.nonce = c.nonce
		if _, ir, err := s.Start(); err != nil || string(ir) != c.first {
			t.Errorf("%s: %q, %v", c.name, ir, err)
		}
		if r, err := s.Next([]byte(c.challenge)); err != nil || string(r) != c.final {
			t.Errorf("%s: %q, %v", c.name, r, err)
		}
		if s.Done() {
			t.Errorf("%s: done before the server's proof", c.name)
		}
		if _, err := s.Next([]byte("v=" + base64.StdEncoding.EncodeToString(make([]byte, 20)))); err == nil || s.Done() {
			t.Errorf("%s: took another signature", c.name)
		}
		s.step = 1
		if _, err := s.Next([]byte(c.signature)); err != nil || !s.Done() {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSCRAMHostile(t *testing.T) {
	for _, challenge := range []string{
		"", "r=NONCEx", "r=NONCEx,s=AAAA,i=0", "r=NONCEx,s=AAAA,i=99999999999", "r=NONCE,s=AAAA,i=4096", "r=other,s=AAAA,i=4096",
		"m=x,r=NONCEx,s=AAAA,i=4096", "r=NONCEx,s=,i=4096", "r=NONCEx,s=!,i=4096",
	} {
		s, err := newSCRAM("SCRAM-SHA-256", nil, &Credentials{User: "u", Password: "p"})
		if err != nil {
			t.Fatal(err)
		}
		s.nonce = "NONCE"
		if r, err := s.Next([]byte(challenge)); err == nil {
			t.Errorf("%q: answered %q", challenge, r)
		}
	}
}

func TestMechanisms(t *testing.T) {
	c := Credentials{User: "tim", Password: "tanstaaftanstaaf", Token: "tok", Host: "h", Port: 143}
	for _, x := range []struct {
		name, initial, challenge, want string
	}{
		{"PLAIN", "\x00tim\x00tanstaaftanstaaf", "", ""},
		// RFC 2195 §2
		{"CRAM-MD5", "", "<1896.697170952@postoffice.reston.mci.net>", "tim b913a602c7eda7a495b4e6e7334d3890"},
		{"LOGIN", "", "whatever", "tim"},
		{"XOAUTH2", "user=tim\x01auth=Bearer tok\x01\x01", `{"status":"401"}`, ""},
		{"OAUTHBEARER", "n,a=tim,\x01host=h\x01port=143\x01auth=Bearer tok\x01\x01", `{"status":"invalid_token"}`, "\x01"},
	} {
		m, err := New(x.name, nil, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, ir, err := m.Start(); err != nil || string(ir) != x.initial {
			t.Errorf("%s: %q, %v", x.name, ir, err)
		}
		if x.name == "PLAIN" {
			continue
		}
		if r, err := m.Next([]byte(x.challenge)); err != nil || string(r) != x.want {
			t.Errorf("%s: %q, %v", x.name, r, err)
		}
	}
	// RFC 1939 §7
	if d := APOP("<1896.697170952@dbc.mtview.ca.us>", "tanstaaf"); d != "c4c9334bac560ecc979e58001b3e22fb" {
		t.Errorf("APOP: %s", d)
	}
}

func TestChoose(t *testing.T) {
	c := Credentials{User: "u", Password: "p"}
	for _, x := range []struct {
		offered, want string
		c             Credentials
		clear         bool
		name, err     string
	}{
		{"PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5", "", c, false, "SCRAM-SHA-256", ""},
		{"PLAIN LOGIN SCRAM-SHA-256-PLUS SCRAM-SHA-256", "", c, false, "SCRAM-SHA-256", ""}, // nothing to bind
		{"PLAIN LOGIN", "", c, false, "", "without TLS"},
		{"PLAIN LOGIN", "", c, true, "PLAIN", ""},
		{"PLAIN CRAM-MD5", "PLAIN", c, false, "", "without TLS"},
		{"PLAIN CRAM-MD5", "plain", c, true, "PLAIN", ""},
		{"PLAIN", "GSSAPI", c, true, "", "not known"},
		{"PLAIN", "CRAM-MD5", c, true, "", "does not offer"},
		{"EXTERNAL PLAIN", "", c, true, "PLAIN", ""},
		{"EXTERNAL PLAIN", "", Credentials{Certificate: true}, true, "EXTERNAL", ""},
		{"XOAUTH2 PLAIN OAUTHBEARER", "", Credentials{User: "u", Token: "t"}, true, "OAUTHBEARER", ""},
		{"PLAIN SCRAM-SHA-1", "", Credentials{User: "u", Token: "t"}, true, "", "no OAuth 2 token"},
		{"", "", c, true, "", "no mechanism"},
	} {
		name, err := Choose(strings.Fields(x.offered), x.want, x.c, x.clear)
		if name != x.name || (err != nil) != (x.err != "") || err != nil && !strings.Contains(err.Error(), x.err) {
			t.Errorf("%q of %q: %q, %v", x.want, x.offered, name, err)
		}
	}
}

// Both sides of SCRAM agree on a password, and on no other.
func TestServer(t *testing.T) {
	for _, name := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
		for _, password := range []string{"p", "q"} {
			server, err := NewServer(name, "p")
			if err != nil {
				t.Fatal(err)
			}
			client, err := New(name, nil, Credentials{User: "a,b=c", Password: password})
			if err != nil {
				t.Fatal(err)
			}
			_, first, _ := client.Start()
			challenge, err := server.First(string(first))
			if err != nil || server.User != "a,b=c" {
				t.Fatal(server.User, err)
			}
			response, err := client.Next([]byte(challenge))
			if err != nil {
				t.Fatal(err)
			}
			given, want, final, err := server.Final(string(response))
			if err != nil || (given == want) != (password == "p") {
				t.Errorf("%s, %s: %q, %q, %v", name, password, given, want, err)
			}
			if _, err := client.Next([]byte(final)); (err == nil) != (password == "p") {
				t.Errorf("%s, %s: %v", name, password, err)
			}
		}
	}
	if _, err := NewServer("PLAIN", ""); err == nil {
		t.Error("PLAIN is no SCRAM")
	}
	s, _ := NewServer("SCRAM-SHA-1", "p")
	for _, text := range []string{"", "n,", "n,,", "p=tls-unique,,n=u,r=x"} {
		if _, err := s.First(text); err == nil {
			t.Errorf("%q is taken", text)
		}
		if _, _, _, err := s.Final(text); err == nil {
			t.Errorf("%q is taken for the last", text)
		}
	}
}

// What a server says neither panics nor costs more than the iterations allow, and no signature but the
// right one is taken.
func FuzzChallenges(f *testing.F) {
	f.Add("SCRAM-SHA-1", "r=NONCEx,s=QSXCR+Q6sek8bf92,i=2", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
	f.Add("SCRAM-SHA-256", "r=NONCEx,s=AA==,i=999999999", "e=other-error")
	f.Add("CRAM-MD5", "<1@x>", "<2@x>")
	f.Add("LOGIN", "User Name\x00", "Password\x00")
	f.Add("OAUTHBEARER", `{"status":"invalid_token"}`, "")
	f.Add("EXTERNAL", "", "")
	f.Fuzz(func(t *testing.T, name, first, second string) {
		m, err := New(name, nil, Credentials{User: "u", Password: "p", Token: "t"})
		if err != nil {
			return
		}
		s, isSCRAM := m.(*scram)
		if isSCRAM {
			s.nonce = "NONCE"
		}
		if _, _, err := m.Start(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := m.Next([]byte(first)); err != nil {
				break
			}
			if _, err := m.Next([]byte(second)); err != nil {
				break
			}
		}
		if isSCRAM && s.Done() && !strings.Contains(second, "v="+base64.StdEncoding.EncodeToString(s.signature)) {
			t.Errorf("%q is taken for the signature", second)
		}
	})
}
