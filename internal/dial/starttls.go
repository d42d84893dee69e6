package dial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// tag is that of our one IMAP command before TLS.
const tag = "m1"

// StartTLS does the exchange in clear that precedes TLS at a +starttls server: it reads the
// greeting, sends STARTTLS or STLS and reads up to the completion. On success the next octets
// on conn are the client's ClientHello.
//
// observe, which may be nil, sees each line with its line end, ours (client) before it is
// sent; the slice is valid during the call only. greeting is the greeting's line, given
// with an error too where the exchange had come past it.
//
// The error is of type *[Error] and wraps one of ErrRefused, ErrPreauth, ErrBye,
// ErrInjection, ErrEarly, ErrGreeting, ErrReply, ErrTooLong where that was the cause. held
// is what the server sent in clear in the same read behind its completion: with ErrInjection,
// else empty. Before a TLS server may speak it must have heard the client, so such octets are
// no TLS. ctx and Config.Timeout bound the whole; no deadline remains on conn. The caller
// closes conn.
func (c *Config) StartTLS(ctx context.Context, conn net.Conn, protocol string, observe func(client bool, line []byte)) (greeting, held []byte, err error) {
	return c.startTLS(ctx, conn, protocol, serverAddr(conn, ""), observe)
}

func (c *Config) startTLS(ctx context.Context, conn net.Conn, protocol, addr string, observe func(client bool, line []byte)) (greeting, held []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	defer bound(ctx, conn)()
	if observe == nil {
		observe = func(bool, []byte) {}
	}
	r := &lineReader{ctx: ctx, conn: conn}
	p := peer{protocol: protocol, addr: addr, stage: StageStartTLS}
	fromServer := func(line []byte) { observe(false, line) }
	line, err := p.readGreeting(r, fromServer)
	if err != nil {
		return nil, nil, err
	}
	greeting = slices.Clone(line)

	command := tag + " STARTTLS\r\n"
	if protocol == POP3 {
		command = "STLS\r\n"
	}
	// What has come by now cannot be an answer.
	unasked := r.received()
	observe(true, []byte(command))
	if _, err := conn.Write([]byte(command)); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return greeting, nil, Explain(StageStartTLS, addr, err)
	}
	if err := p.readCompletion(r, fromServer); err != nil {
		return greeting, nil, err
	}
	tampering := "someone on the way may be tampering; use " + p.atDefault(TLS)
	switch {
	case r.taken <= unasked:
		return greeting, nil, p.fail(ErrEarly, "the server answered STARTTLS before it was sent", tampering)
	case len(r.buf) > 0:
		return greeting, slices.Clone(r.buf), p.fail(ErrInjection,
			fmt.Sprintf("%d octets in clear between the answer to STARTTLS and TLS: %s", len(r.buf), quote(string(r.buf))), tampering)
	}
	return greeting, nil, nil
}

// readCompletion reads up to the answer to STARTTLS or STLS. Only a positive one is no error.
func (p peer) readCompletion(r *lineReader, observe func(line []byte)) error {
	for {
		line, err := r.next()
		if len(line) > 0 {
			observe(line)
		}
		reply, words := replyKind(p.protocol, line), serverWords(line)
		if err != nil && reply != goodbye { // a goodbye may lack its line end
			if errors.Is(err, ErrTooLong) {
				return p.fail(err, fmt.Sprintf("no answer to STARTTLS in the %d octets that came", r.received()), "")
			}
			return Explain(p.stage, p.addr, err)
		}
		switch reply {
		case completed:
			return nil
		case untagged:
		case refused:
			return p.fail(ErrRefused, "the server refuses STARTTLS: "+words,
				fmt.Sprintf("use %s if the server has such a port, or %s without TLS", p.atDefault(TLS), p.at(Plain)))
		case goodbye:
			return p.fail(ErrBye, "the server says goodbye instead of starting TLS: "+words, "the server's log may say why")
		case preauth:
			return p.fail(ErrPreauth, "PREAUTH before TLS: "+words,
				"someone on the way may be preventing TLS; use "+p.atDefault(TLS))
		default:
			return p.fail(ErrReply, "expected the answer to STARTTLS, got "+words, "")
		}
	}
}

type reply uint8

const (
	odd reply = iota
	completed
	refused
	untagged
	goodbye
	preauth
)

// replyKind sorts a line that follows STARTTLS or STLS.
func replyKind(protocol string, line []byte) reply {
	line = bytes.TrimRight(line, "\r\n")
	first, rest, _ := strings.Cut(string(line), " ")
	status, _, _ := strings.Cut(strings.ToUpper(rest), " ")
	switch {
	case protocol == POP3 && strings.EqualFold(first, "+OK"):
		return completed
	case protocol == POP3 && strings.EqualFold(first, "-ERR"):
		return refused
	case protocol == POP3:
		return odd
	case first == tag && status == "OK":
		return completed
	case first == tag && (status == "NO" || status == "BAD"):
		return refused
	case first != "*":
		return odd
	}
	switch status {
	case "BYE":
		return goodbye
	case "PREAUTH":
		return preauth
	case "OK", "NO", "BAD":
		return untagged // human-readable text may end in {n}
	}
	// RFC 9051 §11.3: before authentication only CAPABILITY and status responses mean
	// anything. Whatever else there is gets ignored, but not if a literal would follow: its
	// octets could pass for our completion.
	if bytes.HasSuffix(line, []byte("}")) {
		return odd
	}
	return untagged
}
