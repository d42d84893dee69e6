package pop3

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// conduct is what the findings need to know of a session beside its state.
type conduct struct {
	told      map[*rules.Rule]int
	unsure    bool // octets are missing, or the beginning: what is not known is not judged
	pipelined bool // the client does not always wait for answers

	listed   bool     // CAPA gave a list since the layer began
	before   []string // mechanisms of the list from before TLS
	offered  bool     // STLS was on a list, in the clear
	stripped bool     // and not on a later one
	refused  bool     // STLS was refused
	named    bool     // USER was accepted, and no PASS, APOP or AUTH was answered since
	users    int      // USER commands under way

	each, tops, stats, failed int // LIST and UIDL with a number, TOP 0, STAT in a row; failed logins
}

// foundMost is how often a rule fires on one connection; a note does once.
const foundMost = 20

// habitual is how often in a row something is done before it is a habit.
const habitual = 5

// find puts a finding on an event.
func (s *session) find(e *decode.Event, r *rules.Rule, d decode.Dir, span decode.Span, fact string) {
	if s.mayFind(r) {
		e.Findings = append(e.Findings, r.At(d, span, fact))
	}
}

// mayFind counts a finding, and tells whether there were not too many of its rule.
func (s *session) mayFind(r *rules.Rule) bool {
	c := &s.conduct
	if c.told == nil {
		c.told = map[*rules.Rule]int{}
	}
	if n := c.told[r]; n >= foundMost || n >= 1 && r.Severity == decode.Note {
		return false
	}
	c.told[r]++
	return true
}

// underTLS forgets what RFC 2595 §4 wants to be forgotten.
func (c *conduct) underTLS(s *session) {
	if c.listed {
		c.before = s.mechanisms
	}
	s.mechanisms = nil
	c.listed, c.offered, c.stripped, c.refused, c.named = false, false, false, false, false
}

func (s *session) has(capability string) bool { return slices.Contains(s.caps, capability) }

// lineEnd tells of LF where CRLF is due. A text that was cut is far shorter than its line.
func (s *session) lineEnd(e *decode.Event, d decode.Dir, text []byte, span decode.Span) {
	if span.Len == int64(len(text))+1 {
		s.find(e, rules.POP3LineEnd, d, span, "")
	}
}

// judgeCommand looks at a command that the client sent.
func (s *session) judgeCommand(e *decode.Event, c *clientLine, p *pending, text []byte) {
	k := &s.conduct
	args := bytes.Trim(text[min(c.args, len(text)):], " ")
	name := c.code & codeName
	s.lineEnd(e, decode.Client, text, e.Span)
	if e.Span.Len > 255 && !s.client.long {
		s.find(e, rules.POP3LongLine, decode.Client, e.Span, strconv.FormatInt(e.Span.Len, 10)+" octets")
	}
	if !argumentsFit(name, args) && s.client.rule == byWhole {
		s.find(e, rules.POP3CommandSyntax, decode.Client, e.Span, c.code.name())
	}
	if s.state == decode.Update {
		s.find(e, rules.POP3WrongState, decode.Client, e.Span, c.code.name()+" behind QUIT")
	}
	waiting := s.queue.len() > 0 || s.multi.active
	if waiting && s.early == nil && s.stls == 0 && s.auths == 0 && !s.server.resync {
		k.pipelined = true
		if k.listed && !s.has("PIPELINING") && !k.unsure && name != codeQuit && k.told[rules.POP3Pipelining] == 0 {
			s.find(e, rules.POP3Pipelining, decode.Client, e.Span, c.code.name()+" was not waited with")
		}
	}
	switch name {
	case codeTop:
		_, lines, _ := bytes.Cut(args, []byte(" "))
		if n, ok := decimal(bytes.TrimLeft(lines, " ")); ok && n < 1<<30 {
			p.lines = int(n)
		}
	case codePass:
		p.ahead = k.users > 0
		s.inTheClear(e, "")
	case codeApop:
		if !s.tls {
			s.find(e, rules.POP3APOP, decode.Client, e.Span, "")
		}
	case codeAuth:
		s.judgeAuth(e, c, p, args)
	}
	s.judgeOffer(e, name)
	s.judgeHabits(e, c, p, waiting)
}

// judgeAuth looks at AUTH with a mechanism.
func (s *session) judgeAuth(e *decode.Event, c *clientLine, p *pending, args []byte) {
	k := &s.conduct
	word, _, initial := bytes.Cut(args, []byte(" "))
	if !isMechanism(word) {
		return
	}
	mechanism := upper(word)
	if sendsSecret(word) {
		if initial {
			s.inTheClear(e, "AUTH "+mechanism)
		} else {
			p.plain = true
		}
	}
	if bound(word) && !s.o.Direct {
		s.find(e, rules.ChannelBinding, decode.Client, e.Span, mechanism)
	}
	switch {
	case k.listed && !slices.Contains(s.mechanisms, mechanism):
		s.find(e, rules.MechanismNotOffered, decode.Client, e.Span, mechanism)
	case s.tls && !k.listed && slices.Contains(k.before, mechanism):
		s.find(e, rules.NotRefreshed, decode.Client, e.Span, "AUTH "+mechanism+" from before TLS")
	}
}

// inTheClear looks at a password or a token that is on its way.
func (s *session) inTheClear(e *decode.Event, fact string) {
	if s.tls {
		return
	}
	k := &s.conduct
	s.find(e, rules.CleartextAuth, decode.Client, e.Span, fact)
	switch {
	case k.refused:
		s.find(e, rules.RefusedContinue, decode.Client, e.Span, "STLS was refused")
	case k.stripped:
		s.find(e, rules.Stripped, decode.Client, e.Span, "STLS was on a list of capabilities before")
	}
}

// optional are the commands that a capability stands for (RFC 2449 §6, RFC 2595 §4,
// RFC 6856 §2 and §3).
var optional = [codes]string{
	codeTop: "TOP", codeUidl: "UIDL", codeUser: "USER", codeStls: "STLS", codeUTF8: "UTF8", codeLang: "LANG",
}

// judgeOffer tells of a command that is not on the list of capabilities.
func (s *session) judgeOffer(e *decode.Event, name code) {
	if capability := optional[name]; capability != "" && s.conduct.listed && !s.has(capability) {
		s.find(e, rules.POP3NotAdvertised, decode.Client, e.Span, capability)
	}
}

// judgeHabits looks for what takes more round trips than it needs.
func (s *session) judgeHabits(e *decode.Event, c *clientLine, p *pending, waiting bool) {
	k := &s.conduct
	times := func(n *int, is bool, r *rules.Rule) {
		switch {
		case !is:
			*n = 0
		default:
			if *n++; *n == habitual {
				s.find(e, r, decode.Client, e.Span, strconv.Itoa(habitual)+" times in a row")
			}
		}
	}
	times(&k.each, (c.code.is(codeList) || c.code.is(codeUidl)) && c.number > 0, rules.HabitListEach)
	times(&k.tops, c.code.is(codeTop) && p.lines == 0 && !waiting && k.listed && s.has("PIPELINING"), rules.HabitTopEach)
	if c.code.is(codeStat) || !c.code.is(codeNoop) {
		times(&k.stats, c.code.is(codeStat), rules.HabitStatPolling)
	}
}

// forgetPending drops the commands whose answers were lost.
func (s *session) forgetPending() {
	for s.queue.len() > 0 {
		p, _ := s.queue.pop()
		s.count(p.code, -1)
	}
	s.challenged, s.doubtful, s.afterAuth = false, false, nil
	if !s.secretive() {
		s.echo.Reset()
	}
}

// endDeletions tells of messages that were marked, and are not deleted since QUIT did not
// come (RFC 1939 §6).
func (s *session) endDeletions(t time.Time) {
	if s.state != decode.Transaction || s.drop.marked == 0 || s.conduct.unsure || !s.mayFind(rules.POP3DeletionsLost) {
		return
	}
	e := s.event(t, decode.Server, decode.FindingOnly)
	e.Span = decode.Span{Off: s.server.off}
	e.Findings = []decode.Finding{rules.POP3DeletionsLost.At(decode.Server, e.Span, count(int64(s.drop.marked), "message", "messages")+" marked")}
}
