package dial

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// UsageError is something that the user wrote and that cannot be used as it stands: a URL,
// a file of roots.
type UsageError struct {
	What   string // what is wrong
	Advice string // what helps; may be ""
	Err    error  // the cause, where there is one
}

func (e *UsageError) Error() string { return e.What }

func (e *UsageError) Unwrap() error { return e.Err }

// Hint is the advice for the user: one line, lower case, "" where there is none.
func (e *UsageError) Hint() string { return e.Advice }

// Parse reads the URL of a server. The port is the scheme's default where none is given.
// Errors are of type *[UsageError] and hold no password.
func Parse(raw string) (URL, error) { return parse(parser{raw: raw}) }

// ParseLogin is Parse for a server that mailtrace itself logs in to: what it advises about a
// password in the URL are the places that mailtrace takes one from.
func ParseLogin(raw string) (URL, error) { return parse(parser{raw: raw, login: true}) }

// ParseListen reads the URL of a listener: Parse's grammar without user and mailbox. Without
// a host it is 127.0.0.1, without a port that of [DefaultListen]; port 0 is any free one.
func ParseListen(raw string) (URL, error) { return parse(parser{raw: raw, listen: true}) }

// parser carries what every error of one URL needs.
type parser struct {
	raw    string
	listen bool
	login  bool // mailtrace is the mail client
	scheme scheme
}

func (p *parser) fail(what, hint string) error {
	return &UsageError{What: fmt.Sprintf("%s: %s", quote(redact(p.raw)), what), Advice: hint}
}

func parse(p parser) (URL, error) {
	raw := p.raw
	if strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return URL{}, p.fail("a space or control character", "in a user or mailbox name a space is written %20")
	}
	name, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return URL{}, p.noScheme()
	}
	if p.scheme, ok = schemeNamed(strings.ToLower(name)); !ok {
		what := "unknown scheme"
		if len(name) <= 20 && !strings.ContainsAny(name, ":@/") {
			what += " " + quote(name)
		}
		return URL{}, p.fail(what, "the schemes are "+strings.Join(Schemes(), ", "))
	}
	u := URL{Scheme: p.scheme.name, Protocol: p.scheme.protocol, Security: p.scheme.security}

	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if strings.Contains(path, "@") {
		return URL{}, p.fail(`"@" behind the host`,
			`in a mailbox name "@" is written %40; a user name goes before the host, with "/" written %2F; `+p.elsewhere("a password stays with the mail client", "a password comes from"))
	}
	if strings.ContainsAny(path, "?#") {
		return URL{}, p.fail(`a "?" or "#"`, "in a mailbox name they are written %3F and %23")
	}
	hostport := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		var err error
		if u.User, err = p.user(u, authority[:at], authority[at+1:]); err != nil {
			return URL{}, err
		}
		hostport = authority[at+1:]
	}
	if err := p.hostport(&u, hostport); err != nil {
		return URL{}, err
	}
	if err := p.mailbox(&u, strings.TrimPrefix(path, "/")); err != nil {
		return URL{}, err
	}
	return u, nil
}

// noScheme is the error for a URL without "scheme://"; its hint is the URL that was
// meant, as far as one can tell.
func (p *parser) noScheme() error {
	hint := "the schemes are " + strings.Join(Schemes(), ", ")
	name, rest, _ := strings.Cut(p.raw, ":")
	s, ok := schemeNamed(strings.ToLower(name))
	if !ok {
		rest, s = p.raw, guessScheme(p.raw)
	}
	meant := s.name + "://" + strings.TrimLeft(rest, "/")
	if u, err := parse(parser{raw: meant, listen: p.listen, login: p.login}); err == nil {
		hint = "write " + u.String()
	} else if e, ok := err.(*UsageError); ok && e.Advice != "" {
		hint += "; " + e.Advice
	}
	return p.fail("no scheme", hint)
}

// guessScheme goes by the port, then by what the host is called. It guesses TLS.
func guessScheme(raw string) scheme {
	host := raw[strings.LastIndexByte(raw, '@')+1:]
	host, _, _ = strings.Cut(host, "/")
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		for _, s := range schemes {
			if port := host[i+1:]; port == strconv.Itoa(s.port) || port == strconv.Itoa(s.listen) {
				return s
			}
		}
	}
	if strings.HasPrefix(strings.ToLower(host), "pop") {
		return schemeFor(POP3, TLS)
	}
	return schemeFor(IMAP, TLS)
}

// elsewhere advises where a password belongs: to the mail client, as client says it, or where
// mailtrace is that itself, behind the words own.
func (p *parser) elsewhere(client, own string) string {
	if p.login {
		return own + " MAILTRACE_PASSWORD or --password-command"
	}
	return client
}

// user decodes the part before the last "@" of the authority. u is the URL so far and
// hostport what follows, for hints.
func (p *parser) user(u URL, raw, hostport string) (string, error) {
	if p.listen {
		return "", p.fail("a listener has no user", "leave out what stands before the @")
	}
	name, _, hasPassword := strings.Cut(raw, ":")
	// The URL that was meant: best effort, for the hint alone.
	meant := ""
	if err := p.hostport(&u, hostport); err == nil {
		if u.User, err = decode(name); err == nil {
			meant = u.String()
		}
	}
	switch {
	case hasPassword:
		hint := p.elsewhere("leave it to the mail client", "give it by")
		if meant != "" {
			hint += ", and write " + meant
		}
		return "", p.fail("a password in the URL is refused: it would show in process lists and histories", hint)
	case strings.Contains(name, "@"):
		hint := `"@" in a user name is written %40`
		if meant != "" {
			hint += ": " + meant
		}
		return "", p.fail(`two "@"`, hint)
	case name == "":
		return "", p.fail(`no user before the "@"`, "")
	}
	user, err := decode(name)
	if err != nil {
		return "", p.fail("user name: "+err.Error(), "")
	}
	return user, nil
}

// hostport sets u's Host and Port.
func (p *parser) hostport(u *URL, raw string) error {
	host, port := raw, ""
	if literal, ok := strings.CutPrefix(raw, "["); ok {
		literal, port, ok = strings.Cut(literal, "]")
		if !ok {
			return p.fail(`"[" without "]"`, "an IPv6 address is written [2001:db8::1]")
		}
		// RFC 6874 writes the zone's % as %25; people write it bare.
		addr, err := netip.ParseAddr(strings.Replace(literal, "%25", "%", 1))
		if err != nil || !addr.Is6() || !plainName(addr.Zone()) {
			return p.fail("no IPv6 address between the brackets", "an IPv6 address is written [2001:db8::1]")
		}
		host = addr.String()
		if port != "" && port[0] != ':' {
			return p.fail(`something other than ":port" behind the "]"`, "")
		}
		port = strings.TrimPrefix(port, ":")
	} else {
		if addr, err := netip.ParseAddr(raw); err == nil && addr.Is6() {
			return p.fail("an IPv6 address without brackets", "write "+p.scheme.name+"://["+raw+"]")
		}
		host, port, _ = strings.Cut(raw, ":")
		switch host = strings.ToLower(host); {
		case host == "" && p.listen:
			host = "127.0.0.1"
		case host == "":
			return p.fail("no host", "write "+p.scheme.name+"://imap.example.org with your server's name")
		case host == "*" && p.listen:
			return p.fail(`"*" is no host`, "every address of this machine is written 0.0.0.0, or [::]")
		case strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }):
			return p.fail("a host name beyond ASCII", "write the host in its xn-- form")
		case len(host) > 253 || !plainName(host):
			return p.fail("not a host name", "a host name has letters, digits, dots and hyphens")
		}
	}
	u.Host = host

	switch {
	case port != "":
		// The port is not repeated: with the host forgotten it is a password.
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 && !p.listen {
			return p.fail("the port is not a number from 1 to 65535", "the default port of "+p.scheme.name+" is "+strconv.Itoa(p.scheme.port))
		}
		u.Port = int(n)
	case p.listen:
		u.Port = p.scheme.listen
	default:
		u.Port = p.scheme.port
	}
	return nil
}

// plainName tells whether s is made of letters, digits, dots, hyphens and underscores alone.
func plainName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
}

// mailbox sets u's Mailbox from the path.
func (p *parser) mailbox(u *URL, path string) error {
	switch {
	case path == "":
		return nil
	case p.listen:
		return p.fail("a listener has no mailbox", "leave out what stands behind the port")
	case u.Protocol == POP3:
		return p.fail("POP3 has one maildrop and no mailboxes", "leave out what stands behind the host")
	}
	var err error
	if u.Mailbox, err = decode(path); err != nil {
		return p.fail("mailbox name: "+err.Error(), "")
	}
	return nil
}

// decode undoes percent-encoding. Line ends and NUL are refused: they would break out of a
// command.
func decode(s string) (string, error) {
	d, err := url.PathUnescape(s)
	switch {
	case err != nil:
		return "", errors.New(`a "%" without two hexadecimal digits behind it (a "%" itself is written %25)`)
	case strings.ContainsAny(d, "\r\n\x00"):
		return "", errors.New("a line end or NUL in it")
	case !utf8.ValidString(d):
		return "", errors.New("not UTF-8")
	}
	return d, nil
}
