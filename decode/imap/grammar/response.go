package grammar

import (
	"strings"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// Response parses one response. The result is valid until the next call.
func (p *Parser) Response(l *Line) *Response {
	s := &p.scanner
	s.reset(l)
	s.utf8, s.server = p.UTF8, true
	p.release()
	r := &p.response
	*r = Response{}
	r.parser = p
	switch {
	case s.take('*'):
		r.Kind = Untagged
		p.untagged(r)
	case s.take('+'):
		r.Kind, r.Name = ContinuationRequest, "+"
		p.continuation(r)
	default:
		p.completion(r)
	}
	r.Problems = s.problems
	return r
}

// unknown keeps what is left as tokens.
func (p *Parser) unknown(r *Response) {
	s := &p.scanner
	if s.peek() == ' ' {
		s.pos++
	}
	p.data.tokens.Text = s.rest()
	r.Data = &p.data.tokens
}

// nameless is a line that fits no rule: it is kept whole.
func (p *Parser) nameless(r *Response) {
	p.scanner.pos = 0
	*r = Response{parser: p}
	p.unknown(r)
}

// continuation reads what stands behind "+" (RFC 9051 §7.6): resp-text or base64.
func (p *Parser) continuation(r *Response) {
	s := &p.scanner
	if !s.space() {
		// QUIRK: Yandex and public-inbox leave the space out.
		s.problem(rules.PlusWithoutSpace, 0, 1, "")
	}
	p.respText(r)
}

// completion reads a tag and its result.
func (p *Parser) completion(r *Response) {
	s := &p.scanner
	r.Tag = s.run(tagChar)
	if r.Tag == nil || !s.space() {
		p.nameless(r)
		return
	}
	switch w := s.word(); string(p.upper(w)) {
	case "OK":
		r.Name = "OK"
	case "NO":
		r.Name = "NO"
	case "BAD":
		r.Name = "BAD"
	default:
		p.nameless(r)
		return
	}
	r.Kind = Completion
	p.condition(r)
}

// untagged reads what stands behind "*".
func (p *Parser) untagged(r *Response) {
	s := &p.scanner
	if !s.space() {
		p.nameless(r)
		return
	}
	switch c := s.peek(); {
	case class[c]&digitChar != 0:
		p.numbered(r)
		return
	case c == '[':
		// QUIRK: Office 365 sends "* [COPYUID …]" without OK.
		s.problem(rules.UntaggedCode, s.pos, len(s.text)-s.pos, s.shown(s.pos, len(s.text)))
		p.respText(r)
		return
	}
	w := s.word()
	switch string(p.upper(w)) {
	case "OK":
		r.Name = "OK"
		p.condition(r)
		return
	case "NO":
		r.Name = "NO"
		p.condition(r)
		return
	case "BAD":
		r.Name = "BAD"
		p.condition(r)
		return
	case "PREAUTH":
		r.Name = "PREAUTH"
		p.condition(r)
		return
	case "BYE":
		r.Name = "BYE"
		p.condition(r)
		return
	case "LIST":
		r.Name, r.Data = "LIST", p.mailboxList()
	case "LSUB":
		r.Name, r.Data = "LSUB", p.mailboxList()
	case "XLIST":
		r.Name, r.Data = "XLIST", p.mailboxList()
	case "STATUS":
		r.Name, r.Data = "STATUS", p.mailboxStatus()
	case "SEARCH":
		r.Name, r.Data = "SEARCH", p.numberList()
	case "SORT":
		r.Name, r.Data = "SORT", p.numberList()
	case "ESEARCH":
		r.Name, r.Data = "ESEARCH", p.extendedSearch()
	case "THREAD":
		r.Name, r.Data = "THREAD", p.threadData()
	case "FLAGS":
		r.Name, r.Data = "FLAGS", p.definedFlags()
	case "CAPABILITY":
		r.Name, r.Data = "CAPABILITY", p.capabilities(&p.data.capability)
	case "ENABLED":
		r.Name, r.Data = "ENABLED", p.capabilities(&p.data.capability)
	case "VANISHED":
		r.Name, r.Data = "VANISHED", p.vanishedUIDs()
	case "NAMESPACE":
		r.Name, r.Data = "NAMESPACE", p.namespaceData()
	case "ID":
		r.Name, r.Data = "ID", p.idData()
	case "QUOTA":
		r.Name, r.Data = "QUOTA", p.quotaData()
	case "QUOTAROOT":
		r.Name, r.Data = "QUOTAROOT", p.quotaRoots()
	case "ACL":
		r.Name, r.Data = "ACL", p.accessControl()
	case "LISTRIGHTS":
		r.Name, r.Data = "LISTRIGHTS", p.rightsList()
	case "MYRIGHTS":
		r.Name, r.Data = "MYRIGHTS", p.rightsMine()
	case "METADATA":
		r.Name, r.Data = "METADATA", p.metadataEntries()
	case "LANGUAGE":
		r.Name, r.Data = "LANGUAGE", p.wordData()
	case "COMPARATOR":
		r.Name, r.Data = "COMPARATOR", p.wordData()
	case "CONVERSION":
		r.Name, r.Data = "CONVERSION", p.wordData()
	case "GENURLAUTH":
		r.Name, r.Data = "GENURLAUTH", p.wordData()
	case "URLFETCH":
		r.Name, r.Data = "URLFETCH", p.pairData()
	case "XAPPLEPUSHSERVICE":
		r.Name, r.Data = "XAPPLEPUSHSERVICE", p.pairData()
	case "":
		p.nameless(r)
		return
	default:
		r.Name = nameOf(w)
		p.unknown(r)
		return
	}
	p.endResponse()
}

// nameOf gives a word that the grammar does not know as a name.
func nameOf(w []byte) string {
	if len(w) > 64 {
		w = w[:64]
	}
	return strings.ToUpper(string(appendVisible(nil, w)))
}

// numbered reads "* n word …".
func (p *Parser) numbered(r *Response) {
	s := &p.scanner
	from := s.pos
	n, _ := s.number32()
	digits := s.pos - from
	if !s.space() {
		p.nameless(r)
		r.Kind = Untagged
		return
	}
	r.Number = n
	w := s.word()
	if n == 0 && (equalFold(w, "FETCH") || equalFold(w, "EXPUNGE")) {
		s.problem(rules.SequenceZero, from, digits, "")
	}
	switch string(p.upper(w)) {
	case "FETCH":
		r.Name, r.Data = "FETCH", p.fetchData(n)
	case "CONVERTED":
		r.Name, r.Data = "CONVERTED", p.converted(n)
	case "EXISTS":
		r.Name = "EXISTS"
	case "EXPUNGE":
		r.Name = "EXPUNGE"
	case "RECENT":
		r.Name = "RECENT"
	default:
		r.Name = nameOf(w)
		p.unknown(r)
		return
	}
	if r.Data == nil {
		p.data.count.Number = n
		r.Data = &p.data.count
	}
	p.endResponse()
}

// condition reads SP resp-text behind a status word.
func (p *Parser) condition(r *Response) {
	s := &p.scanner
	if s.atEnd() {
		s.problem(rules.ConditionWithoutText, s.pos, 0, "nothing behind "+r.Name)
		return
	}
	if s.pos < len(s.text) && s.text[s.pos] == ' ' {
		s.pos++
	}
	p.respText(r)
}

// respText reads resp-text (RFC 9051 §9): a code in brackets, human-readable text.
func (p *Parser) respText(r *Response) {
	s := &p.scanner
	if s.peek() == '[' {
		r.Code = p.respCode()
		if r.Code != nil {
			if s.atEnd() {
				// QUIRK: Gmail sends "[HIGHESTMODSEQ n]" without text. RFC 9051 lets the text
				// be empty, but has a space behind the bracket all the same.
				if r.Name != "" { // of a code on its own that is not what is wrong
					s.problem(rules.CodeWithoutText, r.Code.Off, s.pos-r.Code.Off, r.Code.Name)
				}
				return
			}
			if s.text[s.pos] == ' ' {
				s.pos++
			} else {
				p.expected("a space behind the response code")
			}
		}
	}
	r.Human = s.rest()
}
