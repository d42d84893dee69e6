package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/inflate"
)

// respCode reads the resp-text-code at the beginning of a resp-text
// (RFC 9051 §7.1): "[" atom [SP arguments] "]".
func respCode(text []byte) (code, args []byte) {
	if len(text) == 0 || text[0] != '[' {
		return nil, nil
	}
	end := bytes.IndexByte(text, ']')
	if end < 0 {
		return nil, nil
	}
	inside := text[1:end]
	code = firstWord(inside)
	if bytes.ContainsAny(code, `"=`) {
		return nil, nil // QUIRK: Office 365 puts [Error="…" Proxy=…] here
	}
	return code, bytes.TrimPrefix(inside[len(code):], []byte(" "))
}

func (s *session) completion(t, first time.Time, r *response, text []byte, span decode.Span) {
	p := s.pending.find(r.tag)
	if p == nil {
		s.pending.forgotten = max(0, s.pending.forgotten-1) // it may well be of one of them
		e := s.event(t, decode.Server, decode.Completion)
		e.Tag, e.Name = string(keptTag(r.tag)), r.name
		e.Text, e.Span = s.text(text), span
		s.rememberEarly(r)
		return
	}
	p.replied(first)
	s.pending.remove(p)
	code, args := respCode(text[r.status:])
	d := &s.result // nobody keeps it
	if !s.o.Unseen {
		d = new(Result)
	}
	*d = Result{Code: unknownName(code), Data: p.data, Shared: p.shared}
	if d.Code == "CAPABILITY" {
		d.Capabilities = s.learn(args)
	}
	s.refuseLiteral(t, p)
	if p == s.idle {
		s.idle = nil
	}
	if p == s.auth {
		s.auth = nil
		for _, q := range s.pending.order[s.pending.head:] {
			if !q.done && q.Name == "AUTHENTICATE" {
				s.auth = q
				break
			}
		}
	}
	e := s.event(t, decode.Server, decode.Completion)
	e.Tag, e.Name, e.Command = p.Tag, r.name, p.Command
	e.Text, e.Span = s.text(text), span
	e.Latency, e.First = p.latency(t), p.first()
	e.Detail = d
	if s.secret {
		s.forget(p, r.name == "OK")
	}
	s.consequences(t, p, r.name == "OK", d)
}

// forget drops the secrets once no answer can repeat them any more: the command p that had
// them succeeded, or one that began behind them is complete, and no other has any.
func (s *session) forget(p *pending, ok bool) {
	if l := &s.client.literal; l.active && l.secret || s.mayHaveSecrets() {
		return
	}
	if p.n > s.secretAt || ok && !s.stray && (p.info == nil || p.info.credentials) {
		s.echo.Reset()
		s.secret, s.stray = false, false
	}
}

// mayHaveSecrets tells whether a command under way may have one.
func (s *session) mayHaveSecrets() bool {
	for _, q := range s.pending.order[s.pending.head:] {
		if !q.done && (q.info == nil || q.info.credentials) {
			return true
		}
	}
	return false
}

// trust ends the doubt of what the client may say without a login.
func (s *session) trust() {
	if s.doubt == wary && !s.mayHaveSecrets() {
		s.doubt = noDoubt
	}
}

// rememberEarly keeps the tags of a few completions that no command was known for.
func (s *session) rememberEarly(r *response) {
	if len(s.early) == 16 {
		s.early = append(s.early[:0], s.early[1:]...)
	}
	s.early = append(s.early, early{tag: string(keptTag(r.tag)), ok: r.name == "OK"})
}

// consequences follow from a completion result: states, layers, TLS.
func (s *session) consequences(t time.Time, p *pending, ok bool, d *Result) {
	switch p.Name {
	case "LOGIN", "AUTHENTICATE":
		if ok {
			s.trust()
			if d.Capabilities == nil {
				s.caps = nil // RFC 9051 §6.2.2: they may have changed
			}
			s.enter(t, decode.Authenticated)
		}
	case "SELECT", "EXAMINE":
		s.selected(t, p, ok, d)
	case "CLOSE", "UNSELECT":
		if ok {
			s.mailbox = mailbox{}
			s.enter(t, decode.Authenticated)
		}
	case "UNAUTHENTICATE":
		if ok {
			s.mailbox, s.caps = mailbox{}, nil
			if s.compressed {
				s.compressed = false
				s.server.inflater = nil // RFC 8437 §4.1
				s.layer(t, "COMPRESS=DEFLATE ends")
			}
			s.enter(t, decode.NotAuthenticated)
		}
	case "COMPRESS":
		if ok && !s.compressed {
			s.compressed = true
			if !s.o.Inflated {
				s.client.inflater, s.server.inflater = inflate.New(), inflate.New()
			}
			s.layer(t, "COMPRESS=DEFLATE begins")
		}
	case "EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE":
		if s.mailbox.known {
			n := s.mailbox.messages
			d.Messages = &n
		}
	case "STARTTLS":
		if p == s.starttls && ok {
			s.starttls, s.tlsDue = nil, true
		}
	case "LOGOUT":
		if ok && s.state != decode.Logout {
			s.enter(t, decode.Logout)
		}
	}
}

func (s *session) layer(t time.Time, what string) {
	e := s.event(t, decode.NoDir, decode.Layer)
	e.Name, e.Text = "COMPRESS", []byte(what)
}

func (s *session) continuationRequest(t, first time.Time, text []byte, span decode.Span) {
	e := s.event(t, decode.Server, decode.ContinuationRequest)
	e.Text, e.Span = s.text(text), span
	p := s.pending.continuing()
	if p == nil {
		return
	}
	p.replied(first)
	e.Command, e.Name = p.Command, p.Name
	e.Latency, e.First = p.latency(t), p.first()
	switch {
	case p.owed > 0:
		p.owed--
	case p.Name == "IDLE":
		p.idling = true
	}
}

// untagged makes an event of an untagged response, or of what follows a literal in it.
func (s *session) untagged(t time.Time, line fragment.Line, r *response, text []byte, span decode.Span) {
	x := &s.server
	kind, owner := r.kind, x.restOf
	var detail any
	if kind == decode.Untagged {
		owner = nil
		switch {
		case r.status >= 0 && !s.greeted && (!s.spoken || !s.announced) && (r.name == "OK" || r.name == "PREAUTH" || r.name == "BYE"):
			kind = decode.Greeting // QUIRK: Dovecot says several, while it waits for its authentication process
			detail = s.status(text[r.status:])
		case r.status >= 0:
			detail = s.status(text[r.status:])
			fallthrough
		default:
			if p := s.pending.wanting(r.name); p != nil {
				p.replied(line.First)
				p.data++
				owner = p.Command
			}
		}
	}
	if d := s.mailboxData(r, text); d != nil {
		detail = d
	}
	s.events = append(s.events, decode.Event{})
	e := &s.events[len(s.events)-1]
	e.Time, e.Dir, e.Kind, e.State, e.Mailbox = t, decode.Server, kind, s.state, s.mailbox.name
	e.Name, e.Command, e.Detail, e.Text, e.Span = r.name, owner, detail, s.text(text), span
	x.rest, x.restOf = "", nil
	if kind != decode.Continuation {
		x.kept = 0
	}
	if r.status < 0 {
		tail := text
		if line.Cut {
			tail = line.Tail
		}
		if spec, ok := fragment.ParseLiteral(tail); ok {
			x.rest, x.restOf = r.name, owner
			s.announce(t, tail, spec)
			return
		}
	}
	if kind == decode.Greeting {
		s.greet(t, r.name)
	} else if r.name == "BYE" && r.kind == decode.Untagged && s.state != decode.Logout {
		s.enter(t, decode.Logout)
	}
}

func (s *session) announce(t time.Time, line []byte, spec fragment.LiteralSpec) {
	l := &s.server.literal
	s.server.kept += len(line)
	l.secret, l.body, l.whole, l.item = false, false, false, ""
	if s.server.rest == "FETCH" {
		item := fetchItem(line[:spec.Start])
		if l.body, l.whole = contentItem(item); l.body || isDatum(item) {
			l.item = itemName(item)
		}
		if l.body && !l.whole {
			s.beginPiece(line, item)
		}
	}
	s.beginLiteral(&s.server, t, spec)
}

// itemName avoids an allocation for what is fetched most.
func itemName(item []byte) string {
	if string(item) == "BODY[]" {
		return "BODY[]"
	}
	return string(item)
}

func (s *session) greet(t time.Time, name string) {
	switch {
	case name == "PREAUTH":
		s.greeted = true
		s.trust()
		s.enter(t, decode.Authenticated)
	case name == "BYE":
		s.greeted = true
		s.enter(t, decode.Logout)
	case !s.announced:
		s.announced = true
		s.enter(t, decode.NotAuthenticated)
	}
}
