package accounts

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// Config is what a file says.
type Config struct {
	Path string // of the file; it need not exist

	accounts map[string]Account
}

// Account is one table of the file. What it does not say is empty.
type Account struct {
	Name string
	IMAP *dial.URL // nil where there is none; one of the two there is
	POP3 *dial.URL

	User            string // where empty, the URL's
	PasswordCommand string // as --password-command
	Auth            string // mechanism as --auth, in upper case
	Mailbox         string // where the URL names none
	AllowCleartext  bool

	OAuth2              string // google, microsoft, or the path of an issuer's description
	ClientID            string
	ClientSecretCommand string // its first line is the client's secret, for issuers that gave one

	TLSCA, TLSCert, TLSKey string // paths
}

// URL gives the server for a protocol, [dial.IMAP] or [dial.POP3]; with "" IMAP's, or POP3's where
// there is no other. User and Mailbox of the account stand in it where it named none itself. The error
// is of type *[NoServerError].
func (a *Account) URL(protocol string) (dial.URL, error) {
	var u *dial.URL
	switch {
	case protocol == dial.POP3 || protocol == "" && a.IMAP == nil:
		u, protocol = a.POP3, dial.POP3
	default:
		u, protocol = a.IMAP, dial.IMAP
	}
	if u == nil {
		return dial.URL{}, &NoServerError{Account: a.Name, Protocol: protocol}
	}
	to := *u
	if a.User != "" {
		to.User = a.User
	}
	if to.Mailbox == "" && protocol == dial.IMAP {
		to.Mailbox = a.Mailbox
	}
	return to, nil
}

// NoServerError says that an account has no server for a protocol.
type NoServerError struct{ Account, Protocol string }

func (e *NoServerError) Error() string {
	return fmt.Sprintf("accounts: account %s has no %s server", e.Account, e.Protocol)
}

// Hint says where to name one.
func (e *NoServerError) Hint() string {
	return fmt.Sprintf("add %s = \"%ss://…\" to [%s] in the accounts file", e.Protocol, e.Protocol, e.Account)
}

// Path gives the place of the file: mailtrace/accounts.toml in $XDG_CONFIG_HOME, or in the directory
// that the system has for such files.
func Path() (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // others are to be ignored, the XDG specification says
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return "", fmt.Errorf("accounts: no directory for the accounts file: %w", err)
		}
	}
	return filepath.Join(dir, "mailtrace", "accounts.toml"), nil
}

// Load reads a file. Without a path it is the one at [Path], which need not exist. What the file says
// wrong is of type *[Error].
func Load(path string) (*Config, error) {
	named := path != ""
	if !named {
		var err error
		if path, err = Path(); err != nil {
			return &Config{}, nil // nobody has a home, so nobody has accounts
		}
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return &Config{Path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	all, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	return &Config{Path: path, accounts: all}, nil
}

// Account gives the account of a name.
func (c *Config) Account(name string) (Account, bool) {
	a, ok := c.accounts[name]
	return a, ok
}

// Names lists the accounts in order of the alphabet.
func (c *Config) Names() []string { return slices.Sorted(maps.Keys(c.accounts)) }
