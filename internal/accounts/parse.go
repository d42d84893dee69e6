package accounts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/sasl"
)

// Error is something wrong in a file. Its text has no value of the file that could be a secret.
type Error struct {
	File      string
	Line, Col int // from 1; Col counts octets
	What      string
	Advice    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("accounts: %s:%d:%d: %s", e.File, e.Line, e.Col, e.What)
}

// Hint is the advice for the user.
func (e *Error) Hint() string { return e.Advice }

// nameForm is what an account may be called, so that a command line takes it neither for a URL nor for a
// flag nor for a path to another directory.
var nameForm = regexp.MustCompile(`^[\pL\pN_][\pL\pN_.@+-]*$`)

// secret keys are refused, each with what to do instead.
var secret = map[string]string{
	"password":      `take it from a password manager: password-command = "pass show mail"; or set MAILTRACE_PASSWORD, or use ~/.netrc`,
	"passwd":        `take it from a password manager: password-command = "pass show mail"; or set MAILTRACE_PASSWORD, or use ~/.netrc`,
	"pass":          `take it from a password manager: password-command = "pass show mail"; or set MAILTRACE_PASSWORD, or use ~/.netrc`,
	"token":         `let it be fetched: oauth2 = "google", "microsoft" or a file, and client-id`,
	"access-token":  `let it be fetched: oauth2 = "google", "microsoft" or a file, and client-id`,
	"refresh-token": `let it be fetched: oauth2 = "google", "microsoft" or a file, and client-id`,
	"client-secret": `take it from a password manager: client-secret-command = "pass show mail-client"; or set MAILTRACE_CLIENT_SECRET`,
}

// reader goes through a parsed file.
type reader struct {
	file string
	text string
	meta toml.MetaData
}

// wrong is an error with a hint on its way through the TOML package, which adds where.
type wrong struct{ what, hint string }

func (w *wrong) Error() string { return w.what }

// UnmarshalTOML fails in place of a value, for the position of the failure.
func (w *wrong) UnmarshalTOML(any) error { return w }

// atKey gives an error about a key itself, where its name stands before the value.
func (r *reader) atKey(name string, value toml.Primitive, what, hint string) error {
	err := r.at(value, what, hint)
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	lines := strings.Split(r.text, "\n")
	if e.Line == 0 {
		// QUIRK: BurntSushi/toml does not know where the value of an empty key stands.
		e.Line, e.Col = 1, 1
		for i, line := range lines {
			if key := strings.TrimLeft(line, " \t"); strings.HasPrefix(key, `""`) || strings.HasPrefix(key, "''") {
				e.Line, e.Col = i+1, len(line)-len(key)+1
				break
			}
		}
		return e
	}
	line := lines[e.Line-1]
	if i := strings.LastIndex(line[:min(e.Col-1, len(line))], name); i >= 0 {
		e.Col = i + 1
	}
	return e
}

// at gives an error at a value.
func (r *reader) at(value toml.Primitive, what, hint string) error {
	w := &wrong{what, hint}
	return r.located(r.meta.PrimitiveDecode(value, w), w)
}

func (r *reader) located(err error, w *wrong) error {
	var p toml.ParseError
	if !errors.As(err, &p) {
		return fmt.Errorf("accounts: %s: %w", r.file, err)
	}
	e := &Error{File: r.file, Line: p.Position.Line, Col: max(1, p.Position.Col), What: p.Message}
	if w != nil {
		e.What, e.Advice = w.what, w.hint
	}
	return e
}

func parse(file string, text []byte) (map[string]Account, error) {
	r := &reader{file: file, text: string(text)}
	var tables map[string]toml.Primitive
	var err error
	if r.meta, err = toml.Decode(r.text, &tables); err != nil {
		return nil, r.located(err, nil)
	}
	all := map[string]Account{}
	for _, key := range r.meta.Keys() { // in the file's order, so that the first mistake is told
		if _, done := all[key[0]]; done {
			continue
		}
		a, err := r.account(key[0], tables[key[0]])
		if err != nil {
			return nil, err
		}
		all[key[0]] = a
	}
	return all, nil
}

func (r *reader) account(name string, table toml.Primitive) (Account, error) {
	a := Account{Name: name}
	var value any
	if err := r.meta.PrimitiveDecode(table, &value); err != nil {
		return a, r.located(err, nil)
	}
	if _, ok := value.(map[string]any); !ok {
		hint := "an account is a table: [work], and below it imap = \"imaps://…\""
		if h, ok := secret[name]; ok {
			hint = h
		}
		return a, r.atKey(name, table, fmt.Sprintf("expected a table an account, found %q outside of one", name), hint)
	}
	if !nameForm.MatchString(name) {
		return a, r.at(table, fmt.Sprintf("%q cannot name an account: expected letters, digits and _ . @ + -", name), "")
	}
	var values map[string]toml.Primitive
	if err := r.meta.PrimitiveDecode(table, &values); err != nil {
		return a, r.located(err, nil)
	}
	for _, key := range r.meta.Keys() {
		if len(key) != 2 || key[0] != name {
			continue
		}
		if err := r.set(&a, key[1], values[key[1]]); err != nil {
			return a, err
		}
	}
	return a, r.whole(&a, table, values)
}

// set takes one key of an account.
func (r *reader) set(a *Account, key string, at toml.Primitive) error {
	if hint, ok := secret[strings.ReplaceAll(strings.ToLower(key), "_", "-")]; ok {
		return r.atKey(key, at, key+" stands in the file, which may hold no secret", hint)
	}
	f, ok := fields[key]
	if !ok {
		return r.atKey(key, at, fmt.Sprintf("unknown key %q", key), "known are "+strings.Join(keys(), ", "))
	}
	var value any
	if err := r.meta.PrimitiveDecode(at, &value); err != nil {
		return r.located(err, nil)
	}
	var w *wrong
	switch value := value.(type) {
	case bool:
		if f.flag == nil {
			return r.at(at, key+": expected a string in quotes, found a boolean", "")
		}
		*f.flag(a) = value
	case string:
		switch {
		case f.text == nil:
			return r.at(at, key+": expected true or false without quotes, found a string", "")
		case value == "":
			return r.at(at, key+": expected some text, found none", "")
		}
		w = f.text(a, filepath.Dir(r.file), value)
	default:
		expected := "a string in quotes"
		if f.flag != nil {
			expected = "true or false"
		}
		return r.at(at, fmt.Sprintf("%s: expected %s, found another type", key, expected), "")
	}
	if w != nil {
		return r.at(at, key+": "+w.what, w.hint)
	}
	return nil
}

// whole checks what concerns more than one key.
func (r *reader) whole(a *Account, table toml.Primitive, values map[string]toml.Primitive) error {
	has := func(key string) bool { _, ok := values[key]; return ok }
	switch {
	case a.IMAP == nil && a.POP3 == nil:
		return r.at(table, fmt.Sprintf("account %s names no server", a.Name), `such as imap = "imaps://imap.example.org"`)
	case has("oauth2") && has("password-command"):
		return r.atKey("oauth2", values["oauth2"], "oauth2: the account has password-command too", "one of both has to go: a login takes a token or a password")
	case has("oauth2") && !has("client-id") && (a.OAuth2 == "google" || a.OAuth2 == "microsoft"):
		return r.atKey("oauth2", values["oauth2"], "oauth2: expected a client-id beside it", "register a client with the issuer, it tells its id; see docs/accounts.md")
	case !has("oauth2") && has("client-id"):
		return r.atKey("client-id", values["client-id"], "client-id: expected oauth2 beside it", `such as oauth2 = "google"`)
	case has("tls-key") && !has("tls-cert"):
		return r.atKey("tls-key", values["tls-key"], "tls-key: expected tls-cert beside it", "")
	}
	return nil
}

// field is where a key's value goes; one of the two is set.
type field struct {
	text func(a *Account, dir, value string) *wrong
	flag func(a *Account) *bool
}

var fields = map[string]field{
	"url":                   {text: func(a *Account, _, v string) *wrong { return server(a, v, "") }},
	"imap":                  {text: func(a *Account, _, v string) *wrong { return server(a, v, dial.IMAP) }},
	"pop3":                  {text: func(a *Account, _, v string) *wrong { return server(a, v, dial.POP3) }},
	"user":                  plain(func(a *Account) *string { return &a.User }),
	"password-command":      plain(func(a *Account) *string { return &a.PasswordCommand }),
	"mailbox":               plain(func(a *Account) *string { return &a.Mailbox }),
	"client-id":             plain(func(a *Account) *string { return &a.ClientID }),
	"client-secret-command": plain(func(a *Account) *string { return &a.ClientSecretCommand }),
	"tls-ca":                file(func(a *Account) *string { return &a.TLSCA }),
	"tls-cert":              file(func(a *Account) *string { return &a.TLSCert }),
	"tls-key":               file(func(a *Account) *string { return &a.TLSKey }),
	"allow-cleartext":       {flag: func(a *Account) *bool { return &a.AllowCleartext }},
	"auth":                  {text: auth},
	"oauth2": {text: func(a *Account, dir, v string) *wrong {
		if v != "google" && v != "microsoft" {
			v = resolve(dir, v)
		}
		a.OAuth2 = v
		return nil
	}},
}

func keys() []string {
	var all []string
	for k := range fields {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func plain(to func(*Account) *string) field {
	return field{text: func(a *Account, _, v string) *wrong { *to(a) = v; return nil }}
}

func file(to func(*Account) *string) field {
	return field{text: func(a *Account, dir, v string) *wrong { *to(a) = resolve(dir, v); return nil }}
}

// resolve gives a path that the file names: relative to the file's directory, ~/ is the home.
func resolve(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func server(a *Account, value, protocol string) *wrong {
	u, err := dial.ParseLogin(value)
	if err != nil {
		w := &wrong{what: strings.TrimPrefix(err.Error(), "dial: ")}
		var h interface{ Hint() string }
		if errors.As(err, &h) {
			w.hint = h.Hint()
		}
		return w
	}
	if protocol != "" && u.Protocol != protocol {
		return &wrong{fmt.Sprintf("expected a URL of %s, found one of %s", protocol, u.Protocol), "the key url takes both"}
	}
	to := &a.IMAP
	if u.Protocol == dial.POP3 {
		to = &a.POP3
	}
	if *to != nil {
		return &wrong{"a second server of " + u.Protocol, "another account can have it"}
	}
	*to = &u
	return nil
}

// auth takes what --auth takes.
func auth(a *Account, _, value string) *wrong {
	known := append(sasl.Known(), "USER", "APOP")
	if a.Auth = strings.ToUpper(value); !slices.Contains(known, a.Auth) {
		return &wrong{fmt.Sprintf("unknown mechanism %q", value), "known are " + strings.Join(known, " ")}
	}
	return nil
}
