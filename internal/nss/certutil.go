package nss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
)

// trusted are certutil's flags of an authority that may name servers, and nothing else: neither
// senders of mail nor programs.
const trusted = "C,,"

// Tool is NSS's certutil. For a profile that has a primary password it asks on the terminal, if
// there is one.
type Tool struct{ path string }

// Error says what did not work in a profile.
type Error struct {
	What   string
	Advice string
}

func (e *Error) Error() string { return "nss: " + e.What }

// Hint is what helps, "" where nothing is known to.
func (e *Error) Hint() string { return e.Advice }

// Find looks for certutil. Errors are of type *[Error].
func Find() (*Tool, error) {
	const byHand = "import the file of mailtrace ca path in Thunderbird: Settings, Privacy & Security, Manage Certificates"
	if runtime.GOOS == "windows" {
		// What is called certutil there is another program.
		return nil, &Error{"the stores of Thunderbird cannot be changed from here on Windows", byHand}
	}
	path, err := exec.LookPath("certutil")
	if err != nil {
		return nil, &Error{"certutil is not installed, which changes the stores of Thunderbird", "it is in the package libnss3-tools (Debian), nss-tools (Fedora), nss (Arch, Homebrew); or " + byHand}
	}
	return &Tool{path: path}, nil
}

// Trust puts the certificate in file into the store of the profile dir under a name, as an
// authority for servers, and tells whether that was not so before. The name must be that of no
// other certificate. Errors are of type *[Error], or ctx's.
func (t *Tool) Trust(ctx context.Context, dir, name, file string) (changed bool, err error) {
	flags, err := t.flags(ctx, dir, name)
	if err != nil || forServers(flags) {
		return false, err
	}
	if err := t.run(ctx, nil, dir, "-A", "-n", name, "-t", trusted, "-i", file); err != nil {
		if flags == "" {
			// Without the primary password it stores the certificate, but not that it is trusted.
			_, undo := t.Untrust(context.WithoutCancel(ctx), dir, name)
			return false, errors.Join(err, undo)
		}
		return false, err
	}
	if flags, err = t.flags(ctx, dir, name); err == nil && !forServers(flags) {
		err = &Error{What: fmt.Sprintf("%s: certutil has stored the certificate, and lists it with the flags %q, not %q", dir, flags, trusted)}
	}
	return err == nil, err
}

// forServers tells whether the flags are those of an authority for servers: a C in the first field.
func forServers(flags string) bool {
	first, _, _ := strings.Cut(flags, ",")
	return strings.Contains(first, "C")
}

// Untrust takes the certificate of that name out of the store of the profile dir, and tells
// whether it was there. Errors are as for Trust.
func (t *Tool) Untrust(ctx context.Context, dir, name string) (changed bool, err error) {
	flags, err := t.flags(ctx, dir, name)
	if err != nil || flags == "" {
		return false, err
	}
	return true, t.run(ctx, nil, dir, "-D", "-n", name)
}

// flags gives the trust flags of a certificate, "" where the store does not have it.
func (t *Tool) flags(ctx context.Context, dir, name string) (string, error) {
	var list bytes.Buffer
	if err := t.run(ctx, &list, dir, "-L"); err != nil {
		return "", err
	}
	return flagsOf(list.String(), name), nil
}

// flagsOf reads a listing of certutil: on each line a name, spaces, and the flags, which have
// no space in them.
func flagsOf(list, name string) string {
	for line := range strings.Lines(list) {
		rest, ok := strings.CutPrefix(line, name+" ")
		if !ok {
			continue
		}
		if flags := strings.TrimSpace(rest); strings.Count(flags, ",") == 2 && !strings.Contains(flags, " ") {
			return flags
		}
	}
	return ""
}

func (t *Tool) run(ctx context.Context, out io.Writer, dir string, args ...string) error {
	if !HasStore(dir) {
		// certutil would make a store.
		return &Error{fmt.Sprintf("%s is no profile of Thunderbird: there is no %s in it", dir, Store), "Thunderbird shows it: Help, Troubleshooting Information, Profile Folder"}
	}
	cmd := exec.CommandContext(ctx, t.path, append([]string{args[0], "-d", "sql:" + dir}, args[1:]...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &said
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	text := strings.Join(strings.Fields(said.String()), " ")
	advice := ""
	if strings.Contains(text, "SEC_ERROR_BAD_PASSWORD") {
		advice = "the profile has a primary password: run this in a terminal, certutil asks for it there"
	}
	return &Error{fmt.Sprintf("%s: certutil %s: %v: %s", dir, args[0], err, text), advice}
}
