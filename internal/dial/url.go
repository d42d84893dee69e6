package dial

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Security is how a connection comes by TLS.
type Security uint8

const (
	Plain    Security = iota // never
	TLS                      // from the first octet (implicit TLS, RFC 8314 §3)
	StartTLS                 // by STARTTLS (RFC 9051 §6.2.1) or STLS (RFC 2595 §4)
)

func (s Security) String() string {
	switch s {
	case TLS:
		return "TLS"
	case StartTLS:
		return "STARTTLS"
	}
	return "plain"
}

// The protocols, as [URL.Protocol] names them.
const (
	IMAP = "imap"
	POP3 = "pop3"
)

// URL names a server, or a listener.
type URL struct {
	Scheme   string // "imap+starttls"
	Protocol string // IMAP or POP3
	Security Security
	User     string // decoded; "" where none was given
	Host     string // lower case; an IP address without brackets, perhaps with a zone
	Port     int    // 0: any free port, for listeners alone
	Mailbox  string // decoded; "" where none was given
}

type scheme struct {
	name     string
	protocol string
	security Security
	port     int // the default
	listen   int // the default of a listener
}

var schemes = []scheme{
	{"imap", IMAP, Plain, 143, 1143},
	{"imaps", IMAP, TLS, 993, 1993},
	{"imap+starttls", IMAP, StartTLS, 143, 1143},
	{"pop3", POP3, Plain, 110, 1110},
	{"pop3s", POP3, TLS, 995, 1995},
	{"pop3+starttls", POP3, StartTLS, 110, 1110},
}

// Schemes lists the schemes that [Parse] knows.
func Schemes() []string {
	names := make([]string, len(schemes))
	for i, s := range schemes {
		names[i] = s.name
	}
	return names
}

func schemeNamed(name string) (scheme, bool) {
	i := slices.IndexFunc(schemes, func(s scheme) bool { return s.name == name })
	if i < 0 {
		return scheme{}, false
	}
	return schemes[i], true
}

// schemeFor is the scheme of a protocol with the security wanted.
func schemeFor(protocol string, security Security) scheme {
	i := slices.IndexFunc(schemes, func(s scheme) bool { return s.protocol == protocol && s.security == security })
	return schemes[max(i, 0)]
}

// Addr is host:port, as package net takes it.
func (u URL) Addr() string { return net.JoinHostPort(u.Host, strconv.Itoa(u.Port)) }

// Over is the same place with another security: the scheme changes, the port stays.
func (u URL) Over(security Security) URL {
	u.Scheme, u.Security = schemeFor(u.Protocol, security).name, security
	return u
}

// String is the URL in its shortest form: the scheme's default port is left out. Parsing it
// gives the same URL again.
func (u URL) String() string {
	var b strings.Builder
	b.WriteString(u.Scheme + "://")
	if u.User != "" {
		b.WriteString(escape(u.User, "") + "@")
	}
	switch {
	case strings.Contains(u.Host, ":"):
		b.WriteString("[" + strings.ReplaceAll(u.Host, "%", "%25") + "]")
	default:
		b.WriteString(u.Host)
	}
	if s, ok := schemeNamed(u.Scheme); !ok || s.port != u.Port {
		b.WriteString(":" + strconv.Itoa(u.Port))
	}
	if u.Mailbox != "" {
		b.WriteString("/" + escape(u.Mailbox, "/"))
	}
	return b.String()
}

// escape percent-encodes all of s but letters, digits, -._~ and the octets of also.
func escape(s, also string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~"+also, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// IsLoopback tells whether the host is this machine's loopback, so that nobody else can
// reach a listener there.
func (u URL) IsLoopback() bool {
	if u.Host == "localhost" || strings.HasSuffix(u.Host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(u.Host)
	return err == nil && addr.Unmap().IsLoopback()
}

// DefaultListen is where a listener of the scheme stands unless told otherwise: on the
// IPv4 loopback, at a port above 1024. It is the zero URL for an unknown scheme.
func DefaultListen(name string) URL {
	s, ok := schemeNamed(name)
	if !ok {
		return URL{}
	}
	return URL{Scheme: s.name, Protocol: s.protocol, Security: s.security, Host: "127.0.0.1", Port: s.listen}
}
