package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// What SOCKS5 has numbers for (RFC 1928 §3, §4, §6).
const (
	socksVersion = 5

	methodNone       = 0x00
	methodNoneOfThem = 0xff

	commandConnect = 1

	addressIPv4 = 1
	addressName = 3
	addressIPv6 = 4

	replyOK              = 0
	replyFailure         = 1
	replyNetUnreachable  = 3
	replyHostUnreachable = 4
	replyRefused         = 5
	replyNoSuchCommand   = 7
	replyNoSuchAddress   = 8
)

// target is what a SOCKS client asks for.
type target struct {
	host string // a name, or an address without brackets
	port int
}

func (t target) String() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// socksError is a client that cannot be served. reply is the code for it, 0 where the
// client did not come so far as to be answered.
type socksError struct {
	what, hint string
	reply      byte
}

func (e *socksError) Error() string { return e.what }

// Hint is the advice for the user.
func (e *socksError) Hint() string { return e.hint }

// negotiate does the method negotiation (RFC 1928 §3) and reads the request (§4). It reads no
// octet beyond it.
func negotiate(rw io.ReadWriter) (target, error) {
	var t target
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:2]); err != nil {
		return t, err
	}
	if head[0] != socksVersion {
		return t, notSocks(head[:2])
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(rw, methods); err != nil {
		return t, err
	}
	method := byte(methodNoneOfThem)
	for _, m := range methods {
		if m == methodNone {
			method = m
		}
	}
	if _, err := rw.Write([]byte{socksVersion, method}); err != nil {
		return t, err
	}
	if method != methodNone {
		return t, &socksError{what: "the client insists on authentication to the proxy", hint: "leave user and password of the SOCKS proxy empty in the client"}
	}
	if _, err := io.ReadFull(rw, head[:4]); err != nil {
		return t, err
	}
	if head[0] != socksVersion {
		return t, notSocks(head[:])
	}
	command := head[1]
	var err error
	if t.host, err = readAddress(rw, head[3]); err != nil {
		return t, err
	}
	if _, err := io.ReadFull(rw, head[:2]); err != nil {
		return t, err
	}
	t.port = int(binary.BigEndian.Uint16(head[:2]))
	if command != commandConnect {
		return t, &socksError{what: fmt.Sprintf("the client asked for SOCKS command %d: only CONNECT is served", command), reply: replyNoSuchCommand}
	}
	if t.host == "" || t.port == 0 {
		return t, &socksError{what: "the client asked for no host or port", reply: replyFailure}
	}
	return t, nil
}

// readAddress reads an address of the type atyp (RFC 1928 §5).
func readAddress(r io.Reader, atyp byte) (string, error) {
	n := 0
	switch atyp {
	case addressIPv4:
		n = net.IPv4len
	case addressIPv6:
		n = net.IPv6len
	case addressName:
		var length [1]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return "", err
		}
		n = int(length[0])
	default:
		return "", &socksError{what: fmt.Sprintf("unknown address type %d", atyp), reply: replyNoSuchAddress}
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		return "", err
	}
	if atyp == addressName {
		for _, c := range p {
			if c <= ' ' || c >= 0x7f {
				return "", &socksError{what: "the client asked for the host " + printable(p), reply: replyFailure}
			}
		}
		return string(p), nil
	}
	a, _ := netip.AddrFromSlice(p) // 4 or 16 octets are one
	return a.Unmap().String(), nil
}

// notSocks says what the client speaks instead.
func notSocks(p []byte) error {
	e := &socksError{what: "not SOCKS5: the client begins with " + printable(p), hint: "set the client's proxy type to SOCKS v5"}
	if p[0] == 4 {
		e.what = "the client speaks SOCKS4"
	}
	return e
}

// reply answers a request (RFC 1928 §6). bound is our address towards the target, where
// there is one.
func reply(w io.Writer, code byte, bound net.Addr) error {
	p := []byte{socksVersion, code, 0}
	ip, port := netip.IPv4Unspecified(), 0
	if a, ok := bound.(*net.TCPAddr); ok {
		ip, port = a.AddrPort().Addr().Unmap(), a.Port
	}
	if ip.Is4() {
		p = append(p, addressIPv4)
	} else {
		p = append(p, addressIPv6)
	}
	p = binary.BigEndian.AppendUint16(append(p, ip.AsSlice()...), uint16(port))
	_, err := w.Write(p)
	return err
}

// replyFor is the code for a target that could not be reached.
func replyFor(err error) byte {
	var e *dial.Error
	switch {
	case errors.As(err, &e) && e.Stage == dial.StageResolve, isErrno(err, syscall.EHOSTUNREACH, 10065), errors.Is(err, os.ErrDeadlineExceeded):
		return replyHostUnreachable
	case isErrno(err, syscall.ECONNREFUSED, 10061):
		return replyRefused
	case isErrno(err, syscall.ENETUNREACH, 10051):
		return replyNetUnreachable
	}
	return replyFailure
}
