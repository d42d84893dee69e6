package replay

// Chunk is octets of one direction of one connection.
type Chunk struct {
	Conn     string
	Protocol Protocol
	Client   bool   // from the client
	Octets   []byte // the caller's to keep
	TLS      bool   // no octets: the handshake that follows STARTTLS comes here
	Pos      Pos    // of the line or directive in the script
}

// Transcript says how a script becomes octets without a network.
type Transcript struct {
	// Vars are values of variables, by name: user, password, token, sasl and any others.
	// Without sasl, ${sasl} is the response of the mechanism named above it for user,
	// password and token.
	Vars map[string]string
	// StartTLS plays @starttls too: the command, the OK and a Chunk with TLS set.
	StartTLS bool
}

// Chunks gives the octets of a script in file order, one Chunk a line or less, as the
// package comment says. The error is an *Error.
func (s *Script) Chunks(vars map[string]string) ([]Chunk, error) {
	return Transcript{Vars: vars}.Chunks(s)
}

// Chunks gives the octets of a script in file order.
func (t Transcript) Chunks(s *Script) ([]Chunk, error) {
	w := &transcriber{Transcript: t, vals: &values{given: t.Vars, bound: newBindings()}, mechs: map[string]*mechanism{}, greeted: map[string]bool{}}
	w.vals.sasl = func(conn string) (string, error) { return w.mechs[conn].next(t.Vars, nil) }
	for _, it := range s.Steps() {
		var err error
		switch it := it.(type) {
		case *Line:
			err = w.line(it)
		case *Directive:
			err = w.directive(it)
		}
		if err != nil {
			return nil, err
		}
	}
	return w.chunks, nil
}

type transcriber struct {
	Transcript
	vals    *values
	mechs   map[string]*mechanism // of the open AUTHENTICATE or AUTH
	greeted map[string]bool
	chunks  []Chunk
}

func (w *transcriber) say(at Pos, conn string, proto Protocol, side Side, octets []byte) {
	w.chunks = append(w.chunks, Chunk{Conn: conn, Protocol: proto, Client: side == ClientSide, Octets: octets, Pos: at})
}

func (w *transcriber) line(l *Line) error {
	if l.Side == ServerSide {
		w.greeted[l.Conn] = true
	} else if m := mechanismOf(l); m != nil {
		w.mechs[l.Conn] = m
	}
	segs, err := l.expand(w.vals)
	if err != nil {
		return err
	}
	for _, seg := range segs {
		w.say(l.Pos, l.Conn, l.Protocol, l.Side, seg.octets)
		if seg.waits {
			w.say(l.Pos, l.Conn, l.Protocol, ServerSide, []byte("+ OK\r\n"))
		}
	}
	return nil
}

// The lines that @login and @starttls stand for in a transcript.
const (
	imapLogin    = "C: login1 LOGIN ${user} ${password}\nS: login1 OK logged in\n"
	pop3Login    = "C: USER ${user}\nS: +OK\nC: PASS ${password}\nS: +OK logged in\n"
	imapGreeting = "S: * OK [CAPABILITY IMAP4rev1] ready\n"
	pop3Greeting = "S: +OK ready\n"
	imapStartTLS = "C: tls1 STARTTLS\nS: tls1 OK begin TLS\n"
	pop3StartTLS = "C: STLS\nS: +OK begin TLS\n"
)

func (w *transcriber) directive(d *Directive) error {
	var text string
	imap := d.Protocol == IMAP
	switch d.Verb {
	case Login:
		text = choose(imap, imapLogin, pop3Login)
	case StartTLS:
		if !w.StartTLS {
			return nil
		}
		text = choose(imap, imapStartTLS, pop3StartTLS)
	default:
		return nil
	}
	if !w.greeted[d.Conn] {
		text = choose(imap, imapGreeting, pop3Greeting) + text
	}
	inner, err := Parse(d.Pos.File, []byte("@connect "+d.Conn+" "+string(d.Protocol)+"\n"+text), nil)
	if err != nil {
		return err
	}
	for _, it := range inner.Steps() {
		if l, ok := it.(*Line); ok {
			l.Pos = d.Pos
			for _, n := range l.Pattern {
				if v, ok := n.(*Value); ok {
					v.Pos = d.Pos
				}
			}
			if err := w.line(l); err != nil {
				return err
			}
		}
	}
	if d.Verb == StartTLS {
		w.chunks = append(w.chunks, Chunk{Conn: d.Conn, Protocol: d.Protocol, TLS: true, Pos: d.Pos})
	}
	return nil
}

func choose(cond bool, a, b string) string {
	if cond {
		return a
	}
	return b
}
