package mailserver

import (
	"bytes"
	"strconv"
	"strings"
)

// stat gives number and octets (RFC 1939 §5).
func (p *pop3Session) stat(argument string) error {
	if argument != "" {
		return p.err("STAT takes no argument")
	}
	n, octets := p.drop.total()
	return p.ok("%d %d", n, octets)
}

// list gives the size of one message or of each.
func (p *pop3Session) list(argument string) error {
	return p.each(argument, func(m *dropped) string { return strconv.Itoa(m.size) })
}

// uidl gives the lasting id of one message or of each (RFC 1939 §7).
func (p *pop3Session) uidl(argument string) error {
	return p.each(argument, func(m *dropped) string { return m.uidl })
}

// each answers LIST and UIDL: a line with an argument, else many.
func (p *pop3Session) each(argument string, show func(*dropped) string) error {
	if argument != "" {
		m, n := p.message(argument)
		if m == nil {
			return p.err("no such message")
		}
		return p.ok("%d %s", n, show(m))
	}
	count, octets := p.drop.total()
	p.ok("%d messages, %d octets", count, octets)
	for i := range p.drop.msgs {
		if m := &p.drop.msgs[i]; !m.deleted {
			p.say("%d %s", i+1, show(m))
		}
	}
	return p.say(".")
}

// message finds a message that is not marked by its number.
func (p *pop3Session) message(argument string) (*dropped, int) {
	n, err := strconv.ParseUint(argument, 10, 31)
	if err != nil || n == 0 || n > uint64(len(p.drop.msgs)) || p.drop.msgs[n-1].deleted {
		return nil, 0
	}
	return &p.drop.msgs[n-1], int(n)
}

// retr sends a message.
func (p *pop3Session) retr(argument string) error {
	m, _ := p.message(argument)
	if m == nil {
		return p.err("no such message")
	}
	octets, err := p.drop.store.content(m.message)
	if err != nil {
		return p.err("[SYS/TEMP] %s", words(err))
	}
	p.ok("%d octets", m.size)
	return p.body(octets)
}

// top sends the header and n lines of the body (RFC 1939 §7).
func (p *pop3Session) top(argument string) error {
	number, lines, _ := strings.Cut(argument, " ")
	n, err := strconv.ParseUint(lines, 10, 31)
	if err != nil {
		return p.err("TOP takes a message and a number of lines")
	}
	m, _ := p.message(number)
	if m == nil {
		return p.err("no such message")
	}
	octets, err := p.drop.store.content(m.message)
	if err != nil {
		return p.err("[SYS/TEMP] %s", words(err))
	}
	header, body := split(octets)
	end := 0
	for ; n > 0 && end < len(body); n-- {
		i := bytes.IndexByte(body[end:], '\n')
		if i < 0 {
			end = len(body)
			break
		}
		end += i + 1
	}
	p.ok("top of message follows")
	return p.body(octets[:len(header)+end])
}

// body sends octets dot-stuffed, and the final dot (RFC 1939 §3).
func (p *pop3Session) body(octets []byte) error {
	for len(octets) > 0 {
		if octets[0] == '.' {
			p.w.WriteByte('.')
		}
		n := bytes.IndexByte(octets, '\n') + 1
		if n == 0 {
			n = len(octets)
		}
		p.w.Write(octets[:n])
		if n == len(octets) && !bytes.HasSuffix(octets, crlf) {
			p.w.Write(crlf)
		}
		octets = octets[n:]
	}
	return p.say(".")
}

// dele marks a message (RFC 1939 §5).
func (p *pop3Session) dele(argument string) error {
	m, n := p.message(argument)
	if m == nil {
		return p.err("no such message")
	}
	if p.drop.store.readOnly {
		return p.err("[SYS/PERM] %s", errReadOnly)
	}
	m.deleted = true
	return p.ok("message %d marked", n)
}

// rset takes the marks back.
func (p *pop3Session) rset(string) error {
	for i := range p.drop.msgs {
		p.drop.msgs[i].deleted = false
	}
	return p.ok("no message is marked")
}

// noop does nothing.
func (p *pop3Session) noop(string) error { return p.ok("") }
