package grammar

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// respCode reads "[" resp-text-code "]" (RFC 9051 §7.1, §9), nil where it has no end and so is text.
func (p *Parser) respCode() *Code {
	s := &p.scanner
	from := s.pos
	end := codeEnd(s.text, from+1)
	if end < 0 {
		s.problem(rules.CodeInvalid, from, len(s.text)-from, "the bracket is not closed")
		return nil
	}
	c := &p.data.code
	*c = Code{Off: from}
	// Within the brackets the code ends where the closing one stands.
	whole, cut := s.text, s.cut
	s.text, s.cut = s.text[:end], false
	s.pos++
	fits := p.codeData(c)
	s.text, s.cut = whole, cut
	s.pos = end + 1
	if !fits {
		s.problem(rules.CodeInvalid, from, s.pos-from, s.shown(from, s.pos))
	}
	return c
}

// codeEnd finds the bracket that closes a code: the first one outside of quotes, or the first
// one, since quotes need not be in pairs there.
func codeEnd(b []byte, from int) int {
	first := bytes.IndexByte(b[from:], ']')
	if first < 0 {
		return -1
	}
	first += from
	if bytes.IndexByte(b[from:first], '"') < 0 {
		return first
	}
	quoted := false
	for i := from; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if quoted {
				i++
			}
		case '"':
			quoted = !quoted
		case ']':
			if !quoted {
				return i
			}
		}
	}
	return first
}

// codeData reads what stands between the brackets, and tells whether it fits the grammar.
func (p *Parser) codeData(c *Code) bool {
	s := &p.scanner
	from := s.pos
	w := s.run(atomChar)
	switch {
	case w == nil, s.pos < len(s.text) && s.text[s.pos] != ' ', bytes.IndexByte(w, '=') >= 0:
		// QUIRK: Office 365 has [Error="…" Proxy=…] here, which is no atom with a space.
		name, _, _ := bytes.Cut(s.text[from:s.pos], []byte("="))
		c.Name = nameOf(name)
		s.pos = from
		p.codeRest(c)
		return false
	}
	var ok bool
	switch string(p.upper(w)) {
	case "UIDNEXT":
		c.Name = "UIDNEXT"
		ok = p.codeNumberOf(c, rules.UIDNextZero)
	case "UIDVALIDITY":
		c.Name = "UIDVALIDITY"
		ok = p.codeNumberOf(c, rules.UIDValidityZero)
	case "UNSEEN":
		c.Name = "UNSEEN"
		ok = p.codeNumberOf(c, nil)
	case "HIGHESTMODSEQ":
		c.Name = "HIGHESTMODSEQ"
		ok = p.codeNumberOf(c, nil)
	case "XYMHIGHESTMODSEQ":
		c.Name = "XYMHIGHESTMODSEQ"
		ok = p.codeNumberOf(c, nil)
	case "MAXCONVERTMESSAGES":
		c.Name = "MAXCONVERTMESSAGES"
		ok = p.codeNumberOf(c, nil)
	case "MAXCONVERTPARTS":
		c.Name = "MAXCONVERTPARTS"
		ok = p.codeNumberOf(c, nil)
	case "PERMANENTFLAGS":
		c.Name = "PERMANENTFLAGS"
		if s.space() {
			p.data.codeFlags.Flags, ok = p.flagList(rules.FlagInvalid)
			c.Data = &p.data.codeFlags
		}
	case "CAPABILITY":
		c.Name = "CAPABILITY"
		c.Data = p.capabilities(&p.data.codeCapability)
		ok = true
	case "APPENDUID":
		c.Name = "APPENDUID"
		p.data.appendUID = AppendUID{}
		c.Data = &p.data.appendUID
		if n := p.spaceNumber(); n != nil && s.space() {
			p.data.appendUID.UIDValidity = *n
			p.data.appendUID.UIDs, ok = p.numberSet()
		}
	case "COPYUID":
		c.Name = "COPYUID"
		ok = p.codeCopyUID(c)
	case "MODIFIED":
		c.Name = "MODIFIED"
		ok = p.codeSetOf(c)
	case "DOWNGRADED":
		c.Name = "DOWNGRADED"
		ok = p.codeSetOf(c)
	case "MAILBOXID":
		c.Name = "MAILBOXID"
		if s.space() {
			var id Text
			if id, ok = p.objectID(); ok {
				start := len(p.texts)
				p.texts = append(p.texts, id)
				p.data.codeWords.Words = p.textsFrom(start)
				c.Data = &p.data.codeWords
			}
		}
	case "BADCHARSET":
		c.Name = "BADCHARSET"
		ok = p.codeWordsOf(c)
	case "BADEVENT":
		c.Name = "BADEVENT"
		ok = p.codeWordsOf(c)
	case "BADCOMPARATOR":
		c.Name = "BADCOMPARATOR"
		ok = p.codeWordsOf(c)
	case "NOUPDATE":
		c.Name = "NOUPDATE"
		ok = p.codeWordsOf(c)
	case "UNDEFINED-FILTER":
		c.Name = "UNDEFINED-FILTER"
		ok = p.codeWordsOf(c)
	case "NEWNAME":
		c.Name = "NEWNAME"
		ok = p.codeWordsOf(c)
	case "METADATA":
		c.Name = "METADATA"
		ok = p.codeMetadataOf(c)
	default:
		c.Name = codeName(p.upper(w), w)
		if s.peek() == ' ' {
			p.codeRest(c)
		}
		return true
	}
	if from := s.pos; ok && s.take(' ') && s.atEnd() {
		s.problem(rules.ExtraSpace, from, 1, "before the closing bracket of "+c.Name)
		return true
	} else if ok {
		s.pos = from
	}
	if ok && s.atEnd() {
		return true
	}
	s.pos = c.Off + 1 + len(w)
	p.codeRest(c)
	return false
}

// codeName gives the name of a code without data, or of one that is kept as tokens.
func codeName(upper, w []byte) string {
	for _, name := range plainCodes {
		if string(upper) == name {
			return name
		}
	}
	return nameOf(w)
}

// plainCodes are the codes that say nothing but their name, and those whose data is text.
var plainCodes = [...]string{
	// RFC 9051 §7.1, RFC 5530
	"ALERT", "PARSE", "READ-ONLY", "READ-WRITE", "TRYCREATE", "UIDNOTSTICKY", "UNAVAILABLE",
	"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "CONTACTADMIN", "NOPERM",
	"INUSE", "EXPUNGEISSUED", "CORRUPTION", "SERVERBUG", "CLIENTBUG", "CANNOT", "LIMIT", "OVERQUOTA",
	"ALREADYEXISTS", "NONEXISTENT", "NOTSAVED", "HASCHILDREN", "CLOSED", "UNKNOWN-CTE",
	"NOMODSEQ", "TOOBIG", "BADURL", "REFERRAL", "COMPRESSIONACTIVE", "USEATTR", "NOTIFICATIONOVERFLOW",
	"TEMPFAIL", "ANNOTATE", "ANNOTATIONS", "URLMECH",
}

// codeRest keeps what is left of the code as tokens.
func (p *Parser) codeRest(c *Code) {
	s := &p.scanner
	if s.peek() == ' ' {
		s.pos++
	}
	if p.data.codeTokens.Text = s.rest(); p.data.codeTokens.Text != nil {
		c.Data = &p.data.codeTokens
	}
}

// spaceNumber reads SP number.
func (p *Parser) spaceNumber() *uint32 {
	if !p.scanner.space() {
		return nil
	}
	return p.optional32()
}

// codeNumberOf reads SP number. zero is the problem of 0, nil where there is none.
func (p *Parser) codeNumberOf(c *Code, zero *rules.Rule) bool {
	s := &p.scanner
	if !s.space() {
		return false
	}
	at := s.pos
	n, ok := p.signed(rules.ModSeqNegative)
	if !ok {
		return false
	}
	if n == 0 && zero != nil {
		s.problem(zero, at, s.pos-at, "")
	}
	p.data.codeNumber.Value = n
	c.Data = &p.data.codeNumber
	return true
}

// codeSetOf reads SP sequence-set.
func (p *Parser) codeSetOf(c *Code) bool {
	p.data.codeSet.Set = nil
	c.Data = &p.data.codeSet
	if !p.scanner.space() {
		return false
	}
	var ok bool
	p.data.codeSet.Set, ok = p.numberSet()
	return ok
}

// codeCopyUID reads SP nz-number SP uid-set SP uid-set (RFC 4315 §4).
func (p *Parser) codeCopyUID(c *Code) (ok bool) {
	s := &p.scanner
	p.data.copyUID = CopyUID{}
	c.Data = &p.data.copyUID
	n := p.spaceNumber()
	if n == nil || !s.space() {
		return false
	}
	p.data.copyUID.UIDValidity = *n
	if p.data.copyUID.Source, ok = p.numberSet(); !ok || !s.space() {
		return false
	}
	p.data.copyUID.Destination, ok = p.numberSet()
	return ok
}

// codeWordsOf reads *(SP astring), in parentheses or not.
func (p *Parser) codeWordsOf(c *Code) bool {
	p.data.codeWords.Words = p.wordsHere()
	if len(p.data.codeWords.Words) > 0 {
		c.Data = &p.data.codeWords
	}
	return true
}

// codeMetadataOf reads the data of METADATA (RFC 5464 §5).
func (p *Parser) codeMetadataOf(c *Code) bool {
	s := &p.scanner
	if !s.space() {
		return false
	}
	p.data.codeMetadata = MetadataCode{Kind: Text(s.atom())}
	c.Data = &p.data.codeMetadata
	if s.peek() == ' ' {
		s.pos++
		n, ok := s.number64()
		p.data.codeMetadata.Value = n
		return ok
	}
	return p.data.codeMetadata.Kind != nil
}
