package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/dial"
)

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "accounts.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The example of the documentation is read, and says what the documentation says.
func TestDocumentation(t *testing.T) {
	doc, err := os.ReadFile("../../docs/accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "```toml\n")
	text, _, _ = strings.Cut(text, "```")
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	c, err := Load(written(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"lab", "old-box", "private", "work"}; !slices.Equal(c.Names(), want) {
		t.Error(c.Names())
	}
	work, _ := c.Account("work")
	for protocol, want := range map[string]string{
		"": "imaps://alice%40example.org@imap.example.org", dial.IMAP: "imaps://alice%40example.org@imap.example.org",
		dial.POP3: "pop3s://alice%40example.org@pop.example.org",
	} {
		if u, err := work.URL(protocol); err != nil || u.String() != want {
			t.Errorf("%q: %v, %v, want %s", protocol, u, err, want)
		}
	}
	if work.PasswordCommand != "pass show mail/work" || work.AllowCleartext {
		t.Errorf("%+v", work)
	}
	lab, _ := c.Account("lab")
	if u, err := lab.URL(""); err != nil || u.Mailbox != "Archive" || u.User != "u1" || lab.Auth != "SCRAM-SHA-256" || lab.TLSCA != filepath.Join(home, "lab/ca.pem") {
		t.Errorf("%+v, %v", lab, err)
	}
	old, _ := c.Account("old-box")
	if u, err := old.URL(""); err != nil || u.Protocol != dial.POP3 || !old.AllowCleartext {
		t.Errorf("%+v, %v", old, err)
	}
	var none *NoServerError
	if _, err := old.URL(dial.IMAP); !errors.As(err, &none) || none.Hint() == "" {
		t.Error(err)
	}
	private, _ := c.Account("private")
	if private.OAuth2 != "google" || private.ClientID == "" || private.ClientSecretCommand == "" {
		t.Errorf("%+v", private)
	}
	// What is documented is what there is.
	for _, key := range keys() {
		if !strings.Contains(string(doc), "`"+key+"`") {
			t.Errorf("%s is not documented", key)
		}
	}
}

func TestErrors(t *testing.T) {
	const good = "[a]\nurl = \"imaps://mx\"\n"
	for _, x := range []struct{ text, want, hint string }{
		{good + "password = \"swordfish\"\n", ":3:1: password stands in the file, which may hold no secret", "password-command"},
		{good + "refresh_token = \"swordfish\"\n", ":3:1: refresh_token stands in", "oauth2"},
		{good + "client-secret = \"swordfish\"\n", ":3:1: client-secret stands in", "client-secret-command"},
		{"password = \"swordfish\"\n", ":1:1: expected a table an account", "password-command"},
		{good + "allow-clear-text = true\n", ":3:1: unknown key \"allow-clear-text\"", "allow-cleartext"},
		{good + "  user = 7\n", ":3:10: user: expected a string in quotes", ""},
		{good + "allow-cleartext = \"yes\"\n", ":3:20: allow-cleartext: expected true or false without quotes", ""},
		{good + "allow-cleartext = 1\n", ":3:19: allow-cleartext: expected true or false, found another type", ""},
		{good + "user = true\n", ":3:8: user: expected a string in quotes", ""},
		{good + "user = \"\"\n", ":3:9: user: expected some text", ""},
		{good + "auth = \"KERBEROS\"\n", ":3:9: auth: unknown mechanism \"KERBEROS\"", "SCRAM-SHA-256"},
		{good + "oauth2 = \"google\"\n", ":3:1: oauth2: expected a client-id", "register"},
		{good + "client-id = \"x\"\n", ":3:1: client-id: expected oauth2", ""},
		{good + "oauth2 = \"x.toml\"\npassword-command = \"x\"\n", ":3:1: oauth2: the account has password-command too", "one of both"},
		{good + "tls-key = \"x\"\n", ":3:1: tls-key: expected tls-cert", ""},
		{good + "imap = \"imaps://my\"\n", ":3:9: imap: a second server of imap", ""},
		{"[a]\nimap = \"pop3s://mx\"\n", ":2:9: imap: expected a URL of imap, found one of pop3", "url"},
		{"[a]\nimap = \"imaps://u:swordfish@mx\"\n", ":2:9: imap: ", "MAILTRACE_PASSWORD or --password-command"},
		{"[a]\nimap = \"mx\"\n", ":2:9: imap: ", ""},
		{"[a]\nuser = \"u\"\n", ":1:1: account a names no server", "imaps://"},
		{"x = 1\n", ":1:1: expected a table an account, found \"x\"", "[work]"},
		{"[\"a/b\"]\n", ":1:1: \"a/b\" cannot name an account", ""},
		{"[-x]\n", ":1:1: \"-x\" cannot name an account", ""},
		{"[a]\nuser = \"u\n", ":2:", ""},
		{good + good, ":3:", ""},
		{"[a.b]\nurl = \"imaps://mx\"\n", ":1:1: unknown key \"b\"", ""},
		{"\n\"\" = 1\n", ":2:6: expected a table an account, found \"\"", "[work]"},
		{"\n[\"\"]\nurl = \"imaps://mx\"\n", ":2:2: \"\" cannot name an account", ""},
		{good + "  \"\" = \"\"\n", ":3:3: unknown key \"\"", "url"},
		{good + "'' = 2\n", ":3:1: unknown key \"\"", "url"},
		{"[[a]]\nurl = \"imaps://mx\"\n", ":1:1: expected a table an account", ""},
	} {
		c, err := Load(written(t, x.text))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "accounts.toml"+x.want) || !strings.Contains(e.Hint(), x.hint) {
			t.Errorf("%q: %v, %v, hint %v", x.text, c, err, e)
			continue
		}
		if strings.Contains(err.Error()+e.Hint(), "swordfish") {
			t.Errorf("%q: the secret is told: %v", x.text, err)
		}
	}
}

// Without a file there are no accounts; a file that was named has to be there.
func TestPlace(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	c, err := Load("")
	if err != nil || len(c.Names()) != 0 || c.Path != filepath.Join(dir, "mailtrace", "accounts.toml") {
		t.Fatal(c, err)
	}
	if _, ok := c.Account("a"); ok {
		t.Error("found an account in no file")
	}
	if _, err := Load(c.Path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Path, []byte("[a]\nurl = \"imaps://mx\"\ntls-ca = \"ca.pem\"\nuser = 'x'\nmailbox = 'M'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(""); err != nil {
		t.Fatal(err)
	}
	a, ok := c.Account("a")
	if u, err := a.URL(""); !ok || err != nil || u.User != "x" || u.Mailbox != "M" || a.TLSCA != filepath.Join(dir, "mailtrace", "ca.pem") {
		t.Errorf("%+v, %v", a, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[a]\nurl = \"imaps://mx\"\nallow-cleartext = true\n")
	f.Add("[a]\nb.c = {d = [1, {e = 2}]}\n[[x]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parse("f", []byte(text))
		if (all == nil) != (err != nil) {
			t.Errorf("%v, %v", all, err)
		}
		for name, a := range all {
			if _, err := a.URL(""); err != nil || name != a.Name {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}
	})
}
