package oauth

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	for _, name := range Names() {
		is, err := Lookup(name)
		if err == nil {
			err = is.check()
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if is, err := Lookup("google"); err != nil || is.DeviceEndpoint != "" {
		t.Error("Google refuses mail in the device flow", err)
	}
	dir := t.TempDir()
	write := func(text string) string {
		path := filepath.Join(dir, "issuer")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const good = "authorization-endpoint = \"https://i.example/a\"\ntoken-endpoint = \"https://i.example/t\"\nscopes = [\"mail\"]\n"
	for _, text := range []string{
		good,
		`{"authorization_endpoint": "https://i.example/a", "token-endpoint": "https://i.example/t", "scopes": ["mail"]}`,
	} {
		is, err := Lookup(write(text))
		if err != nil || is.AuthorizationEndpoint != "https://i.example/a" || is.TokenEndpoint != "https://i.example/t" || !slices.Equal(is.Scopes, []string{"mail"}) || is.RedirectURI != "http://127.0.0.1/" {
			t.Errorf("%s: %+v, %v", text, is, err)
		}
	}
	is, err := Lookup(write(`{"installed": {"client_id": "i", "client_secret": "s", "auth_uri": "https://elsewhere.example/"}}`))
	if err != nil || is.ClientID != "i" || is.ClientSecret != "s" || is.TokenEndpoint != known["google"].TokenEndpoint {
		t.Errorf("%+v, %v", is, err)
	}
	for _, x := range []struct{ text, want string }{
		{strings.ReplaceAll(good, "https", "http"), "expected a URL with https"},
		{strings.ReplaceAll(good, "i.example/t", "u:p@i.example/t"), "expected a URL with https"},
		{"token-endpoint = \"https://i.example/t\"\nscopes = [\"mail\"]\n", "expected an authorization-endpoint or"},
		{"authorization-endpoint = \"https://i.example/a\"\nscopes = [\"mail\"]\n", "token-endpoint: expected"},
		{strings.ReplaceAll(good, `"mail"`, ""), "expected scopes"},
		{good + "redirect-uri = \"https://evil.example/\"\n", "expected http and a loopback address"},
		{good + "parameters = {state = \"x\"}\n", "state is not for a file to say"},
		{good + "tokenurl = \"x\"\n", `unknown key "tokenurl"`},
		{good + "scopes = 1\n", "line 4"},
		{"{", "unexpected end of JSON"},
		{`{"scopes": {"a": 1}}`, "incompatible"},
	} {
		var e *Error
		if is, err := Lookup(write(x.text)); !errors.As(err, &e) || !strings.Contains(err.Error(), x.want) || e.Hint() == "" {
			t.Errorf("%s: %+v, %v, want %s", x.text, is, err, x.want)
		}
	}
	if is, err := Lookup("yahoo"); err == nil || !strings.Contains(err.(*Error).Hint(), "google and microsoft") {
		t.Error(is, err)
	}
	if token, err := Token(t.Context(), Options{Issuer: "google"}); err == nil || !strings.Contains(err.Error(), "no client id") {
		t.Error(token, err)
	}
}

// The example of the documentation is an issuer.
func TestDocumentation(t *testing.T) {
	doc, err := os.ReadFile("../../docs/oauth2.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "```toml\n")
	text, _, _ = strings.Cut(text, "```")
	is, err := parse([]byte(text))
	if err == nil {
		err = is.check()
	}
	if err != nil || is.DeviceEndpoint == "" || is.ClientID != "mailtrace" || is.Parameters["prompt"] != "consent" {
		t.Errorf("%+v, %v", is, err)
	}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	if got, err := Dir(); err != nil || got != filepath.Join(dir, "mailtrace", "tokens") {
		t.Error(got, err)
	}
}
