package oauth

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// kept is what a file holds.
type kept struct {
	Issuer, Client, User string // whose it is
	Access, Refresh      string
	Expiry               time.Time
}

// Dir gives the directory of the tokens: mailtrace/tokens in $XDG_STATE_HOME, ~/.local/state, or where
// the system keeps such files.
func Dir() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
			dir, err = os.UserConfigDir()
		} else if dir, err = os.UserHomeDir(); err == nil {
			dir = filepath.Join(dir, ".local", "state")
		}
		if err != nil {
			return "", &Error{What: "no directory for tokens", Err: err}
		}
	}
	return filepath.Join(dir, "mailtrace", "tokens"), nil
}

// place is the file of a token.
func (f *flow) place() string {
	sum := sha256.Sum256([]byte(f.issuer.TokenEndpoint + "\x00" + f.config.ClientID + "\x00" + f.o.User))
	return filepath.Join(f.dir, fmt.Sprintf("%x.json", sum[:16]))
}

// Place gives the file that the token for some options is kept in; it need not be there.
func Place(o Options) (string, error) {
	f, err := newFlow(o)
	if err != nil {
		return "", err
	}
	return f.place(), nil
}

// load gives what is kept; nothing where there is none, or where the file is another's or cut off.
func (f *flow) load() (kept, error) {
	path := f.place()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, nil
	}
	if err != nil {
		return kept{}, &Error{What: "a kept token cannot be read", Err: err}
	}
	if info, err := os.Stat(path); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm()&0o077 != 0) {
		return kept{}, &Error{What: path + " holds a token and can be read by others", Advice: "chmod 600 " + path + ", or remove it"}
	}
	var k kept
	if json.Unmarshal(text, &k) != nil || k.Issuer != f.issuer.TokenEndpoint || k.Client != f.config.ClientID || k.User != f.o.User {
		return kept{}, nil
	}
	return k, nil
}

// save keeps a token: the file is whole or the old one, whatever happens meanwhile.
func (f *flow) save(k kept) error {
	k.Issuer, k.Client, k.User = f.issuer.TokenEndpoint, f.config.ClientID, f.o.User
	text, err := json.MarshalIndent(k, "", "\t")
	if err == nil {
		err = os.MkdirAll(f.dir, 0o700)
	}
	var t *os.File
	if err == nil {
		t, err = os.CreateTemp(f.dir, ".token-*") // its mode is 0600
	}
	if err == nil {
		_, err = t.Write(append(text, '\n'))
		err = errors.Join(err, t.Sync(), t.Close())
		if err == nil {
			err = os.Rename(t.Name(), f.place())
		}
		if err != nil {
			_ = os.Remove(t.Name())
		}
	}
	if err != nil {
		return &Error{What: "the token cannot be kept", Err: err, Advice: "the directory has to be writable: " + f.dir}
	}
	return nil
}

// Refused takes note that a server refused the kept access token, whatever its expiry says: the next
// Token refreshes it, or asks for consent.
func Refused(o Options) error {
	f, err := newFlow(o)
	if err != nil {
		return err
	}
	k, err := f.load()
	if err != nil || k.Access == "" {
		return err
	}
	k.Access = ""
	return f.save(k)
}
