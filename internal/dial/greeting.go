package dial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// serverWords is what a server line says, fit to be shown.
func serverWords(line []byte) string { return quote(string(bytes.TrimRight(line, "\r\n"))) }

// peer is a server whose lines are read, and what is known of it.
type peer struct {
	protocol string
	addr     string
	stage    Stage // StageStartTLS or StageGreeting
	secure   bool  // TLS is in place
}

func (p peer) fail(cause error, what, advice string) error {
	return &Error{Stage: p.stage, Addr: p.addr, What: what, Advice: advice, Err: cause}
}

// at is the URL of this server with the security wanted, at the same port; atDefault at the
// scheme's own port.
func (p peer) at(s Security) string        { return at(p.addr, schemeFor(p.protocol, s)) }
func (p peer) atDefault(s Security) string { return atDefault(p.addr, schemeFor(p.protocol, s)) }

// readGreeting reads the greeting. observe sees each line, also those before the
// one that is returned, which is valid until the reader's next use.
func (p peer) readGreeting(r *lineReader, observe func(line []byte)) ([]byte, error) {
	for {
		line, err := r.next()
		if len(line) > 0 {
			observe(line)
		}
		if startsTLS(line) && !p.secure {
			return nil, p.fail(ErrGreeting, "the server speaks TLS from the first octet on this port", "use "+p.at(TLS))
		}
		// A line cut off by the end of the stream may be a goodbye all the same.
		if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
			switch {
			case errors.Is(err, ErrTooLong):
				return nil, p.fail(err, fmt.Sprintf("no end of the first line after %d octets: %s", len(line), quote(string(line))),
					"check host and port; "+usualPorts(""))
			case isTimeout(err):
				return nil, p.fail(err, "no greeting in time", p.silentAdvice())
			}
			return nil, Explain(p.stage, p.addr, err)
		}
		switch kind, text := greetingKind(p.protocol, line); kind {
		case greets:
			// QUIRK: Dovecot, while its authentication process is starting, announces that
			// before the greeting proper.
			if err == nil && strings.HasPrefix(text, "waiting for authentication process") {
				continue
			}
			if err != nil {
				return nil, Explain(p.stage, p.addr, err)
			}
			return line, nil
		case authenticated:
			if p.stage == StageGreeting {
				return line, nil // legal under TLS, and where no TLS was asked for
			}
			// RFC 9051 §7.1.4: "Clients that require mandatory TLS MUST close the
			// connection after receiving the PREAUTH response on a non-protected port."
			return nil, p.fail(ErrPreauth, "the server greets with PREAUTH, which makes STARTTLS impossible: "+serverWords(line),
				"someone on the way may be preventing TLS; use "+p.atDefault(TLS)+", or "+p.at(Plain)+" without TLS")
		case refuses:
			return nil, p.fail(ErrBye, "the server turns us away: "+serverWords(line), "try again later, or see what the server's log says")
		}
		return nil, p.wrongGreeting(line)
	}
}

// wrongGreeting is the error for a first line that is no greeting of the protocol.
func (p peer) wrongGreeting(line []byte) error {
	security := Plain
	switch {
	case p.secure:
		security = TLS
	case p.stage == StageStartTLS:
		security = StartTLS
	}
	advice := "check host and port; " + usualPorts("")
	switch mail, other := cleartextProtocol(string(line)); {
	case mail != "" && mail != p.protocol:
		advice = "the server speaks " + strings.ToUpper(mail) + ": use " + at(p.addr, schemeFor(mail, security))
	case other != "":
		advice = "this is " + other + "; " + advice
	}
	return p.fail(ErrGreeting, "expected the greeting of a server for "+strings.ToUpper(p.protocol)+", got "+serverWords(line), advice)
}

// silentAdvice is for a server that says nothing, as one does that waits for a ClientHello.
func (p peer) silentAdvice() string {
	advice := "--timeout allows more time"
	usual := strings.HasSuffix(p.addr, fmt.Sprint(":", schemeFor(p.protocol, Plain).port))
	if !p.secure && !usual {
		advice = "if the port expects TLS at once, use " + p.at(TLS) + "; " + advice
	}
	return advice
}

type greeting uint8

const (
	noGreeting    greeting = iota
	greets                 // * OK, +OK
	authenticated          // * PREAUTH
	refuses                // * BYE, -ERR
)

// greetingKind sorts a greeting by RFC 9051 §9 (greeting) or RFC 1939 §4. text is what
// follows the status, in lower case.
func greetingKind(protocol string, line []byte) (kind greeting, text string) {
	s := strings.ToLower(strings.TrimRight(string(line), "\r\n"))
	if protocol == POP3 {
		status, text, _ := strings.Cut(s, " ")
		switch status {
		case "+ok":
			return greets, text
		case "-err":
			return refuses, text
		}
		return noGreeting, ""
	}
	rest, ok := strings.CutPrefix(s, "* ")
	if !ok {
		return noGreeting, ""
	}
	status, text, _ := strings.Cut(rest, " ")
	switch status {
	case "ok":
		return greets, text
	case "preauth":
		return authenticated, text
	case "bye", "no", "bad":
		return refuses, text
	}
	return noGreeting, ""
}
