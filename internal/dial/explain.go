package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
)

const adviceInsecure = "--tls-insecure goes on without verification"

// Explain puts an error of reaching or talking to addr (host:port) at one stage into
// words. An error that is explained already comes back as it is.
func Explain(stage Stage, addr string, err error) error {
	var done *Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	e := &Error{Stage: stage, Addr: addr, Err: err, What: plainText(err)}
	var header tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	switch code, alert := PeerAlert(err); {
	case alert:
		e.Alert = AlertName(code)
		e.What, e.Advice = alertAdvice(code)
	case errors.As(err, &cert):
		host, _, splitErr := net.SplitHostPort(addr)
		if splitErr != nil {
			host = addr
		}
		e.What, e.Advice = explainCertificate(host, cert)
	case errors.As(err, &header):
		e.What, e.Advice = explainNoTLS(addr, header.RecordHeader)
	case isTimeout(err):
		e.What = "no answer in time"
		e.Advice = "--timeout allows more time"
		if stage == StageTLS {
			e.Advice += "; does the server speak TLS on this port?"
		}
	case errors.Is(err, context.Canceled):
		e.What = "canceled"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		e.What = "the server closed the connection"
		if stage == StageTLS {
			e.What += " during the handshake"
			e.Advice = "does the server speak TLS on this port? imap+starttls:// and pop3+starttls:// begin in clear"
		}
	// crypto/tls has no type for this one.
	case stage == StageTLS && strings.Contains(err.Error(), "unsupported protocol version"):
		e.What, e.Advice = alertAdvice(70)
	}
	return e
}

// explainConnect is Explain for the stages before an octet was exchanged.
func explainConnect(addr string, err error) error {
	e := &Error{Stage: StageConnect, Addr: addr, Err: err, What: plainText(err)}
	host, port, splitErr := net.SplitHostPort(addr)
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		e.What = "canceled"
	case errors.As(err, &dns):
		e.Stage = StageResolve
		if splitErr == nil {
			e.Addr = host
		}
		switch {
		case dns.IsNotFound:
			e.What, e.Advice = "no such host", "check the spelling of the host name"
		case isTimeout(err):
			e.What, e.Advice = "the name server did not answer in time", "check the network connection, or try again"
		default:
			e.What, e.Advice = plainText(dns), "check the network connection, or try again"
		}
	case isTimeout(err):
		e.What = "no answer in time"
		e.Advice = "a firewall may drop connections to port " + port + "; --timeout allows more time"
	case isRefused(err):
		e.What = "connection refused"
		e.Advice = "nothing listens there; " + usualPorts(port)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		e.What = "no route to the host"
		e.Advice = "check the network connection"
	}
	return e
}

// usualPorts names the ports of mail servers other than port.
func usualPorts(port string) string {
	var others []string
	for _, s := range schemes {
		if p := fmt.Sprint(s.port); s.security != StartTLS && p != port {
			others = append(others, s.name+" "+p)
		}
	}
	return "the usual ports are " + strings.Join(others, ", ")
}

// explainNoTLS is about the first octets of a server that does not speak TLS here.
func explainNoTLS(addr string, header [5]byte) (what, advice string) {
	start := string(header[:])
	switch protocol, greeting := cleartextProtocol(start); {
	case protocol != "":
		return fmt.Sprintf("the server speaks %s in clear on this port, not TLS", strings.ToUpper(protocol)),
			fmt.Sprintf("use %s, or %s without TLS",
				at(addr, schemeFor(protocol, StartTLS)), at(addr, schemeFor(protocol, Plain)))
	case greeting != "":
		return fmt.Sprintf("the server speaks %s on this port, not TLS", greeting), "check host and port; " + usualPorts("")
	}
	return fmt.Sprintf("the server does not speak TLS on this port: it begins with %s", quote(start)),
		"check host and port; " + usualPorts("")
}

// cleartextProtocol tells from a server's first octets what it speaks: one of ours, or
// another that is known.
func cleartextProtocol(start string) (protocol, other string) {
	switch {
	case strings.HasPrefix(start, "* "):
		return IMAP, ""
	case strings.HasPrefix(start, "+OK"), strings.HasPrefix(start, "-ERR"):
		return POP3, ""
	case strings.HasPrefix(start, "220"), strings.HasPrefix(start, "554"):
		return "", "SMTP"
	case strings.HasPrefix(start, "HTTP"):
		return "", "HTTP"
	case strings.HasPrefix(start, "SSH-"):
		return "", "SSH"
	}
	return "", ""
}

// at is the URL of the scheme at addr.
func at(addr string, s scheme) string {
	u := URL{Scheme: s.name, Protocol: s.protocol, Security: s.security, Host: addr, Port: s.port}
	if host, port, err := net.SplitHostPort(addr); err == nil {
		u.Host = host
		if _, err := fmt.Sscan(port, &u.Port); err != nil {
			u.Port = s.port
		}
	}
	return u.String()
}

// atDefault is the URL of the scheme at the host of addr and the scheme's own port.
func atDefault(addr string, s scheme) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	return at(addr, s)
}

// plainText is what an error of package net says, without the operation and the addresses,
// which stand in ours.
func plainText(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// Windows has numbers of its own (WSAECONNREFUSED, WSAECONNRESET, WSAECONNABORTED) that do
// not equal those of package syscall.
func isRefused(err error) bool { return isErrno(err, syscall.ECONNREFUSED, 10061) }

func isReset(err error) bool {
	return isErrno(err, syscall.ECONNRESET, 10054) || isErrno(err, syscall.EPIPE, 10053) ||
		errors.Is(err, io.ErrClosedPipe)
}

func isErrno(err error, unix, windows syscall.Errno) bool {
	return errors.Is(err, unix) || runtime.GOOS == "windows" && errors.Is(err, windows)
}
