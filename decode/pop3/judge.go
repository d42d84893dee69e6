package pop3

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/mime"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// statusLine looks at how a status line is written.
func (s *session) statusLine(e *decode.Event, text []byte, span decode.Span) {
	s.lineEnd(e, decode.Server, text, span)
	if span.Len > 512 && !s.server.long {
		s.find(e, rules.POP3LongLine, decode.Server, span, strconv.FormatInt(span.Len, 10)+" octets")
	}
}

// unasked looks at a status line that answers no command.
func (s *session) unasked(e *decode.Event, ok bool) {
	r := rules.POP3UnaskedError
	if ok {
		r = rules.POP3Unasked
	}
	s.find(e, r, decode.Server, e.Span, "")
}

// judgeReply looks at what answers a command, gives it its Detail, and keeps what it says
// of the maildrop. It gives the size that the reply to RETR announces, -1 where there is none.
func (s *session) judgeReply(e *decode.Event, p *pending, ok, follows bool, text []byte) (said int64) {
	said = -1
	r := Reply{Code: responseCode(text)}
	if follows {
		r.Follows = replyListing.Follows
		if p.code.body() {
			r.Follows = replyMessage.Follows
		}
	}
	s.judgeTarget(e, p, ok)
	if !ok {
		s.judgeRefusal(e, p)
	}
	rest := statusText(text)
	wrong := false
	switch name := p.code & codeName; {
	case !ok:
	case name == codeStat:
		var n, octets int64
		if n, octets, ok = numbers(rest); !ok {
			wrong = true
			break
		}
		s.tells(&r.Messages, n)
		s.tells(&r.Octets, octets)
		s.totals(e, n, octets)
	case name == codeList && !follows:
		var n, octets int64
		if n, octets, ok = numbers(rest); !ok || p.number > 0 && n != int64(p.number) {
			wrong = true
			break
		}
		r.Message = int(n)
		s.tells(&r.Octets, octets)
		s.drop.setSize(r.Message, octets)
	case name == codeUidl && !follows:
		n, id, fits := uniqueID(rest)
		if !fits || p.number > 0 && n != int64(p.number) {
			wrong = true
			break
		}
		r.Message = int(n)
		if !s.o.Bare {
			r.ID = string(id[:min(len(id), 128)])
		}
		e.Findings = append(e.Findings, s.judgeID(n, id, e.Span)...)
	case name == codeRetr:
		if n, told := announced(text); told {
			said = n
			s.tells(&r.Octets, n)
		} else {
			s.find(e, rules.POP3NoSize, decode.Server, e.Span, "")
		}
	case name == codeAuth && follows:
		s.find(e, rules.POP3LegacyAuth, decode.Server, e.Span, "")
	}
	if wrong {
		s.find(e, rules.POP3ResponseSyntax, decode.Server, e.Span, "to "+p.code.name()+": "+printable(bytes.TrimSpace(rest)))
	}
	switch {
	case r == Reply{}:
	case r == Reply{Follows: replyListing.Follows} || s.o.Bare && follows && !p.code.body():
		e.Detail = replyListing
	case r == Reply{Follows: replyMessage.Follows} || s.o.Bare && follows:
		e.Detail = replyMessage
	case !s.o.Bare:
		kept := r
		e.Detail = &kept
	}
	return said
}

// tells sets a number of the Detail, where somebody reads it.
func (s *session) tells(field **int64, n int64) {
	if !s.o.Bare {
		*field = &n
	}
}

// judgeTarget looks at the message that a command is about. Replies come in the order of
// the commands, so that the deletion marks are those that the server had.
func (s *session) judgeTarget(e *decode.Event, p *pending, ok bool) {
	switch p.code & codeName {
	case codeList, codeRetr, codeDele, codeTop, codeUidl:
	default:
		return
	}
	switch d := &s.drop; {
	case p.number == 0 || s.conduct.unsure:
	case d.isMarked(p.number):
		s.find(e, rules.POP3Deleted, decode.Client, p.span, fmt.Sprintf("%s %d", p.code.name(), p.number))
	case !ok && d.highest >= 0 && int64(p.number) > d.highest:
		s.find(e, rules.POP3NoSuchMessage, decode.Client, p.span, fmt.Sprintf("%s %d of %d", p.code.name(), p.number, d.highest))
	}
}

// judgeRefusal looks for the reason of an -ERR.
func (s *session) judgeRefusal(e *decode.Event, p *pending) {
	name := p.code & codeName
	wrong := false
	switch name {
	case codeStat, codeList, codeRetr, codeDele, codeRset, codeTop, codeUidl: // RFC 1939 §5 and §7
		wrong = s.state == decode.Authorization
	case codeUser, codeApop, codeUTF8: // RFC 1939 §7, RFC 6856 §2.1
		wrong = s.state == decode.Transaction
	case codePass: // RFC 1939 §7: immediately behind a USER that was accepted
		wrong = s.state == decode.Transaction
		// Who does not wait for the answer to USER cannot know that it was refused.
		if s.state == decode.Authorization && !s.conduct.named && !p.ahead && p.cmd != nil && !s.conduct.unsure {
			s.find(e, rules.POP3WrongState, decode.Client, p.span, "PASS without an accepted USER before it")
		}
	case codeStls: // RFC 2595 §4
		wrong = s.state == decode.Transaction
	case codeAuth: // RFC 5034 §4
		wrong = s.state == decode.Transaction && p.code&codeSASL != 0
	case codeCapa:
		s.find(e, rules.POP3NoCapa, decode.Server, e.Span, "")
	}
	if wrong && !s.conduct.unsure {
		s.find(e, rules.POP3WrongState, decode.Client, p.span, p.code.name()+" in "+s.state.String())
	}
	if name == codePass || name == codeApop || name == codeAuth && p.code&codeSASL != 0 {
		if s.conduct.failed++; s.conduct.failed == 3 {
			s.find(e, rules.HabitLoginAgain, decode.Client, p.span, "refused 3 times")
		}
	}
}

// totals keeps how many messages and octets there are.
func (s *session) totals(e *decode.Event, messages, octets int64) {
	d := &s.drop
	was, wasOctets := d.messages, d.octets
	if !d.counted(messages, octets) || s.conduct.unsure {
		return
	}
	fact := fmt.Sprintf("%d messages here, %d before", messages, was)
	if was == messages {
		fact = fmt.Sprintf("%d octets here, %d before", octets, wasOctets)
	}
	s.find(e, rules.POP3Totals, decode.Server, e.Span, fact)
}

// judgeID keeps a unique-id, and gives what is wrong with it.
func (s *session) judgeID(n int64, id []byte, span decode.Span) (found []decode.Finding) {
	add := func(r *rules.Rule, fact string) {
		if s.mayFind(r) {
			found = append(found, r.At(decode.Server, span, fact))
		}
	}
	if !validID(id) {
		add(rules.POP3UIDLID, fmt.Sprintf("message %d: %d octets, %q", n, len(id), id[:min(len(id), 24)]))
	}
	if n >= known {
		return found
	}
	same, changed := s.drop.setID(int(n), id)
	if same > 0 {
		add(rules.POP3UIDLRepeated, fmt.Sprintf("messages %d and %d", same, n))
		if s.multi.active {
			s.multi.listing.Repeated++
		}
	}
	if changed {
		add(rules.POP3UIDLChanged, fmt.Sprintf("message %d", n))
	}
	return found
}

// findRow keeps a finding about a line of a listing for the event of its end.
func (s *session) findRow(r *rules.Rule, span decode.Span, fact string) {
	if s.mayFind(r) {
		s.multi.findings = append(s.multi.findings, r.At(decode.Server, span, fact))
	}
}

// rowEnd looks at the end of a line of a listing.
func (s *session) rowEnd(line []byte, span decode.Span) {
	if span.Len == int64(len(line))+1 {
		s.findRow(rules.POP3LineEnd, span, "")
	}
}

// judgeRow keeps what a line of a listing says.
func (s *session) judgeRow(line []byte, span decode.Span) {
	m := &s.multi
	l := m.listing
	switch m.code & codeName {
	case codeList:
		n, size, ok := numbers(line)
		if !ok || n == 0 {
			s.findRow(rules.POP3ResponseSyntax, span, "LIST: "+printable(line))
			return
		}
		l.Octets += size
		s.drop.highest = max(s.drop.highest, n)
		if n < known {
			s.drop.setSize(int(n), size)
		}
	case codeUidl:
		n, id, ok := uniqueID(line)
		if !ok || n == 0 {
			s.findRow(rules.POP3ResponseSyntax, span, "UIDL: "+printable(line))
			return
		}
		s.drop.highest = max(s.drop.highest, n)
		m.findings = append(m.findings, s.judgeID(n, id, span)...)
	case codeCapa:
		s.capability(line, span)
	case codeAuth:
		if len(m.mechanisms) < 64 && isMechanism(line) {
			m.mechanisms = append(m.mechanisms, upper(line))
		}
	case codeLang:
		if !s.o.Bare && len(l.Languages) < longestList {
			tag, description, _ := bytes.Cut(line, []byte(" "))
			l.Languages = append(l.Languages, Language{string(tag), string(description)})
		}
	case codeXtnd:
		number, field, _ := bytes.Cut(line, []byte(" "))
		if n, ok := decimal(number); ok && n > 0 && n < known && !s.o.Bare && len(l.Fields) < longestList {
			l.Fields = append(l.Fields, FieldOf{int(n), string(field)})
		}
	}
}

// longestList is how many lines of a listing are kept as what they mean.
const longestList = 256

// capability keeps one line of a CAPA reply.
func (s *session) capability(line []byte, span decode.Span) {
	m := &s.multi
	if span.Len > 512 && !s.server.long {
		s.findRow(rules.POP3LongLine, span, strconv.FormatInt(span.Len, 10)+" octets")
	}
	if len(m.caps) >= longestList {
		return
	}
	word, rest, _ := bytes.Cut(line, []byte(" "))
	name := upper(word[:min(len(word), 64)])
	m.caps = append(m.caps, name)
	var params []string
	for param := range bytes.FieldsSeq(rest) {
		if name == "SASL" && len(m.mechanisms) < 64 {
			m.mechanisms = append(m.mechanisms, upper(param[:min(len(param), 64)]))
			if bound(param) && !s.o.Direct {
				s.findRow(rules.ChannelBindingOffered, span, upper(param[:min(len(param), 64)]))
			}
		}
		if !s.o.Bare {
			params = append(params, string(param))
		}
	}
	if !s.o.Bare {
		m.listing.Capabilities = append(m.listing.Capabilities, Capability{name, params})
	}
	if name == "STLS" && s.tls {
		s.findRow(rules.POP3Capa, span, "STLS is offered although TLS is in force")
	}
}

// judgeEnd looks at the end of a multi-line response, and puts on its event what was found
// in it.
func (s *session) judgeEnd(e *decode.Event, complete, broken bool) {
	m := &s.multi
	e.Findings = append(e.Findings, m.findings...)
	if broken {
		end := decode.Span{Off: max(e.Span.End()-2, e.Span.Off), Len: 2}
		s.find(e, rules.POP3Terminator, decode.Server, end, "")
	}
	l, listing := e.Detail.(*Listing)
	if !listing {
		return
	}
	k := &s.conduct
	switch {
	case m.code.is(codeCapa) && complete:
		offers := s.has("STLS")
		if !s.tls && s.state == decode.Authorization {
			k.stripped = k.offered && !offers
			k.offered = k.offered || offers
		}
		k.listed = true
	case m.code.is(codeCapa) && !k.unsure && s.queue.len() > 0:
		s.find(e, rules.POP3Capa, decode.Server, e.Span, "+OK without a list behind it")
	case m.code.is(codeAuth) && complete && !k.listed:
		s.mechanisms = slices.Clone(m.mechanisms)
	case m.code.is(codeList) && complete:
		s.totals(e, int64(l.Lines), l.Octets)
	case m.code.is(codeUidl) && complete:
		s.totals(e, int64(l.Lines), -1)
	}
}

// judgeDot looks at the octet behind a dot that was taken away.
func (m *multi) judgeDot(p fragment.Piece) {
	text := p.Text
	if len(text) == 0 {
		m.afterDot = true // it comes with the next piece
		return
	}
	m.afterDot = false
	if text[0] == '.' {
		m.doubled++
		return
	}
	m.undotted++
}

// judgeBody compares a message with what was said of it.
func (s *session) judgeBody(b *Body, parts []*mime.Part) {
	m := &s.multi
	if m.undotted > 0 {
		s.findBody(rules.POP3DotStuffing, count(m.undotted, "line begins", "lines begin")+" with a single dot")
	}
	if !b.Complete || b.Broken {
		return
	}
	if m.code.is(codeTop) {
		if len(parts) > 0 && m.lines >= 0 && !parts[0].Cut && parts[0].Lines > int64(m.lines) {
			s.findBody(rules.POP3TopLines, fmt.Sprintf("%d asked for, %d came", m.lines, parts[0].Lines))
		}
		return
	}
	who, want := "RETR", m.said
	if b.Listed != nil {
		who, want = "LIST", *b.Listed
	}
	if want == b.Octets && m.said >= 0 {
		who, want = "RETR", m.said
	}
	if want < 0 || want == b.Octets {
		return
	}
	switch over := b.Octets - want; {
	case m.undotted > 0 && over == -m.undotted: // said already
	case m.doubled > 0 && over == m.doubled:
		s.findBody(rules.POP3DotStuffing, count(m.doubled, "line begins", "lines begin")+" with one dot too many, as the size tells")
	default:
		s.findBody(rules.POP3Size, fmt.Sprintf("%s said %d, %d octets came", who, want, b.Octets))
	}
}

// findBody keeps a finding about a message for the event of its end.
func (s *session) findBody(r *rules.Rule, fact string) {
	s.findRow(r, decode.Span{Off: s.multi.from, Len: s.server.off - s.multi.from}, fact)
}
