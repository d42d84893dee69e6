package proxy

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// recordAlert is the content type of an alert (RFC 8446 §5.1 has the registry's number 21).
const recordAlert = 21

// recordHandshake begins every ClientHello.
const recordHandshake = 22

// alertWatch looks at the records of a handshake as they come from the client and notes
// an alert in clear. A client that does TLS 1.3 may send one so when it refuses our
// certificate, and crypto/tls, which expects it encrypted by then, reports a bad record.
type alertWatch struct {
	header  [5]byte
	have    int // octets of the header
	left    int // octets of the record's body to come
	body    [2]byte
	seen    int // octets of an alert's body in body
	code    uint8
	alerted bool
}

func (w *alertWatch) see(p []byte) {
	for len(p) > 0 {
		if w.have < len(w.header) {
			n := copy(w.header[w.have:], p)
			w.have += n
			p = p[n:]
			if w.have == len(w.header) {
				w.left, w.seen = int(binary.BigEndian.Uint16(w.header[3:])), 0
			}
		} else {
			n := min(w.left, len(p))
			// An encrypted alert of TLS 1.2 has the same type, but is longer.
			if w.header[0] == recordAlert && binary.BigEndian.Uint16(w.header[3:]) == 2 {
				w.seen += copy(w.body[w.seen:], p[:n])
				if w.seen == len(w.body) {
					w.code, w.alerted = w.body[1], true
				}
			}
			w.left -= n
			p = p[n:]
		}
		if w.have == len(w.header) && w.left == 0 {
			w.have = 0
		}
	}
}

// refusal says why the handshake with a client failed.
type refusal struct{ what, alert, hint string }

// explainClient puts the failed handshake with a client into words.
func (p *Proxy) explainClient(err error, w *alertWatch) refusal {
	code, alerted := dial.PeerAlert(err)
	if !alerted && w != nil {
		code, alerted = w.code, w.alerted
	}
	var header tls.RecordHeaderError
	switch {
	case alerted:
		return p.explainAlert(code)
	case errors.As(err, &header):
		return refusal{
			what: "the client does not speak TLS here: it begins with " + printable(header.RecordHeader[:]),
			hint: "set the client's connection security to SSL/TLS, or give it a listener that begins in clear (imap://, pop3://)",
		}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		return refusal{what: "the client closed the connection during the handshake", hint: p.trustHint(false)}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return refusal{
			what: "the client did not finish the handshake in time",
			hint: "a client that waits for a greeting speaks no TLS here: set its connection security to SSL/TLS",
		}
	}
	return refusal{what: err.Error()}
}

// explainAlert says what a client's alert means.
func (p *Proxy) explainAlert(code uint8) refusal {
	r := refusal{alert: dial.AlertName(code)}
	switch code {
	case 42, 43, 44, 45, 46, 48, 49: // bad_certificate … unknown_ca, access_denied
		r.what, r.hint = "the client does not accept our certificate", p.trustHint(true)
	case 40, 70, 71: // handshake_failure, protocol_version, insufficient_security
		r.what = "the client and mailtrace have no TLS version or cipher in common"
		r.hint = "the client must speak TLS 1.2 or later"
	default:
		r.what, r.hint = "the client broke off the handshake", p.trustHint(false)
	}
	return r
}

// trustHint says how to make a client trust us; where it is only a guess, it says so.
func (p *Proxy) trustHint(certain bool) string {
	path := "the file that mailtrace ca path names"
	if p.cfg.CA != nil {
		path = p.cfg.CA.Path() + " (mailtrace ca path)"
	}
	if certain {
		return "the client does not trust the CA: import " + path
	}
	return "perhaps the client does not trust the CA: import " + path
}

// printable shows octets from elsewhere in quotes.
func printable(p []byte) string {
	const hexDigits = "0123456789abcdef"
	out := []byte{'"'}
	for _, c := range p {
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			out = append(out, c)
		} else {
			out = append(out, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(append(out, '"'))
}
