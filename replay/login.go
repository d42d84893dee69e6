package replay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailtrace/mailtrace/internal/sasl"
)

// login plays @login: greeting, capabilities, and the mechanism that fits.
func (p *player) login(d *Directive) error {
	var err error
	if p.conn.Protocol == IMAP {
		err = p.loginIMAP(d)
	} else {
		err = p.loginPOP3(d)
	}
	if err != nil {
		return fmt.Errorf("replay: %v: @login: %w", d.Pos, err)
	}
	return nil
}

// synthetic makes a C: line that the script does not have.
func (p *player) synthetic(at Pos, text string) (*Line, error) {
	s, err := Parse(at.File, []byte("@connect "+p.conn.Name+" "+string(p.conn.Protocol)+"\nC: "+text), nil)
	if err != nil {
		return nil, err
	}
	l := s.Items[1].(*Line)
	l.Pos = at
	for _, n := range l.Pattern {
		if v, ok := n.(*Value); ok {
			v.Pos = at
		}
	}
	return l, nil
}

// command sends a line and gives the replies up to its completion.
func (p *player) command(at Pos, text string) (untagged []*reply, end *reply, err error) {
	l, err := p.synthetic(at, text)
	if err != nil {
		return nil, nil, err
	}
	tag, _, _ := strings.Cut(text, " ")
	mech := mechanismOf(l)
	if mech != nil {
		p.mech = mech
	}
	if err := p.guard(l); err != nil {
		return nil, nil, err
	}
	p.log(at, l.String())
	segs, err := l.expand(p.vals)
	if err != nil {
		return nil, nil, err
	}
	for i := 0; i < len(segs); i++ {
		p.wire.send(segs[i].octets)
		if !segs[i].waits {
			continue
		}
		if ok, err := p.continuation(l); err != nil {
			return nil, nil, err
		} else if !ok {
			break
		}
	}
	for {
		var r *reply
		if len(p.pending) > 0 {
			r, p.pending = p.pending[0], p.pending[1:]
		} else if r, err = p.read(at, p.opts.Timeout); err != nil {
			return nil, nil, err
		}
		switch r.tag {
		case "*":
			untagged = append(untagged, r)
		case "+":
			sasl, err := p.synthetic(at, "${sasl}")
			if err != nil || p.mech == nil {
				return nil, nil, fmt.Errorf("expected the completion of %s, found %s", text, shown(r.show))
			}
			if err := p.guard(sasl); err != nil {
				return nil, nil, err
			}
			segs, err := sasl.expand(p.vals)
			if err != nil {
				return nil, nil, err
			}
			p.wire.send(segs[0].octets)
		case tag:
			if r.kind == "OK" && mech.unproved() {
				return nil, nil, errUnproved
			}
			return untagged, r, nil
		default:
			return nil, nil, fmt.Errorf("expected the completion of %s, found %s", text, shown(r.show))
		}
	}
}

// capability gives the capabilities in a reply's code or in a CAPABILITY response.
func capability(rs ...*reply) (caps map[string]bool) {
	for _, r := range rs {
		list := r.args
		if r.kind != "CAPABILITY" {
			if len(r.code) == 0 || !strings.EqualFold(r.code[0].text(), "CAPABILITY") {
				continue
			}
			list = r.code[1:]
		}
		caps = map[string]bool{}
		for i := range list {
			caps[strings.ToUpper(list[i].text())] = true
		}
	}
	return caps
}

// greetIMAP reads the greeting where none was yet (RFC 9051 §7.1).
func (p *player) greetIMAP(at Pos) (*reply, error) {
	if p.greeted {
		return nil, nil
	}
	r, err := p.read(at, p.opts.Timeout)
	if err != nil {
		return nil, fmt.Errorf("no greeting: %w", err)
	}
	if r.tag != "*" || r.kind != "OK" && r.kind != "PREAUTH" {
		return nil, fmt.Errorf("expected the greeting * OK or * PREAUTH, found %s", shown(r.show))
	}
	return r, nil
}

func (p *player) loginIMAP(d *Directive) error {
	greeting, err := p.greetIMAP(d.Pos)
	if err != nil {
		return err
	}
	var caps map[string]bool
	if greeting != nil {
		if greeting.kind == "PREAUTH" {
			return nil
		}
		if !p.opts.early { // else "the client MUST discard cached information" (RFC 9051 §6.2.1)
			caps = capability(greeting)
		}
	}
	if caps == nil {
		untagged, _, err := p.command(d.Pos, "login0 CAPABILITY")
		if err != nil {
			return err
		}
		caps = capability(untagged...)
	}
	offered := func(name string) bool { return caps["AUTH="+name] }
	text, err := "", error(nil)
	if name := p.strongest(offered); name != "" {
		text = "login1 AUTHENTICATE " + name
		if caps["SASL-IR"] && name != "CRAM-MD5" {
			text += " ${sasl}"
		}
	} else if text, err = p.cleartextIMAP(caps); err != nil {
		return err
	}
	_, end, err := p.command(d.Pos, text)
	if err != nil {
		return err
	}
	if end.kind != "OK" {
		return &AuthError{p.hide(end.show)}
	}
	return nil
}

// errUnproved refuses a login at a server that may be another one (RFC 5802 §5.1, "v").
var errUnproved = errors.New("the server says success and did not prove that it knows the password")

// strongest gives the mechanism that needs no trust in the connection, or a token's; "" where none
// is offered.
func (p *player) strongest(offered func(string) bool) string {
	for _, name := range sasl.Known() {
		fits := p.opts.Password != "" && !sasl.Cleartext(name)
		switch {
		case name == "EXTERNAL" || strings.HasSuffix(name, "-PLUS"):
			continue // neither the certificate nor the channel is the player's
		case strings.Contains(name, "OAUTH"):
			fits = p.opts.Token != "" && !p.exposed()
		}
		if fits && offered(name) {
			return name
		}
	}
	return ""
}

func (p *player) cleartextIMAP(caps map[string]bool) (string, error) {
	switch {
	case !caps["LOGINDISABLED"]:
		return "login1 LOGIN ${user} ${password}", nil
	case caps["AUTH=PLAIN"] && caps["SASL-IR"]:
		return "login1 AUTHENTICATE PLAIN ${sasl}", nil
	case caps["AUTH=PLAIN"]:
		return "login1 AUTHENTICATE PLAIN", nil
	case caps["AUTH=LOGIN"]:
		return "login1 AUTHENTICATE LOGIN", nil
	}
	return "", fmt.Errorf("the server has LOGINDISABLED and no AUTH=PLAIN; TLS may be needed first")
}

// exposed tells whether what is said now could be read by others, and must hold no secret.
func (p *player) exposed() bool { return p.opts.ForbidCleartext && !p.tls }

// guard refuses a line that would say a secret in the clear.
func (p *player) guard(l *Line) error {
	if !p.exposed() {
		return nil
	}
	for _, n := range l.Pattern {
		v, ok := n.(*Value)
		if ok && (v.Name == "password" || v.Name == "token" || v.Name == "sasl" && p.mech.cleartext()) {
			return &CleartextError{Pos: l.Pos}
		}
	}
	return nil
}

// ask sends a POP3 line and gives the status; the body too where it has one.
func (p *player) ask(at Pos, text string) (status string, body [][]byte, err error) {
	l, err := p.synthetic(at, text)
	if err != nil {
		return "", nil, err
	}
	p.mech = mechanismOf(l)
	defer func() { p.mech = nil }()
	p.challenge = ""
	if p.mech != nil && p.mech.name == "APOP" {
		p.challenge = p.stamp
	}
	for {
		if err := p.guard(l); err != nil {
			return "", nil, err
		}
		segs, err := l.expand(p.vals)
		if err != nil {
			return "", nil, err
		}
		p.log(at, l.String())
		p.wire.send(segs[0].octets)
		if status, err = p.readLine(at, p.opts.Timeout); err != nil {
			return "", nil, err
		}
		if p.mech == nil || status != "+" && !strings.HasPrefix(status, "+ ") {
			break
		}
		p.challenge = strings.TrimSpace(status[1:])
		if l, err = p.synthetic(at, "${sasl}"); err != nil {
			return "", nil, err
		}
	}
	if strings.HasPrefix(status, "+OK") && p.mech.unproved() {
		return "", nil, errUnproved
	}
	if strings.HasPrefix(status, "+OK") && multiLine(text) {
		body, _, err = p.readBody(at, p.opts.Timeout, linesHeld)
	}
	return status, body, err
}

func (p *player) greetPOP3(at Pos) error {
	if p.greeted {
		return nil
	}
	line, err := p.readLine(at, p.opts.Timeout)
	if err != nil {
		return fmt.Errorf("no greeting: %w", err)
	}
	if !strings.HasPrefix(line, "+OK") {
		return fmt.Errorf("expected the greeting +OK, found %s", shown(line))
	}
	return nil
}

func (p *player) loginPOP3(d *Directive) error {
	if err := p.greetPOP3(d.Pos); err != nil {
		return err
	}
	_, caps, err := p.ask(d.Pos, "CAPA")
	if err != nil {
		return err
	}
	mechanisms, user := popCapabilities(caps)
	steps := []string{"USER ${user}", "PASS ${password}"}
	switch name := p.strongest(func(name string) bool { return mechanisms[name] }); {
	case name != "" && p.opts.Token != "" && strings.Contains(name, "OAUTH"):
		steps = []string{"AUTH " + name + " ${sasl}"}
	case name != "":
		steps = []string{"AUTH " + name}
	case p.stamp != "" && p.opts.Password != "":
		steps = []string{"APOP ${user} ${sasl}"}
	case user:
	case mechanisms["PLAIN"]:
		steps = []string{"AUTH PLAIN ${sasl}"}
	case mechanisms["LOGIN"]:
		steps = []string{"AUTH LOGIN"}
	}
	for _, step := range steps {
		status, _, err := p.ask(d.Pos, step)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(status, "+OK") {
			return &AuthError{p.hide(status)}
		}
	}
	return nil
}

// popCapabilities gives the mechanisms, and whether there is USER (RFC 2449 §6.3, RFC 5034 §3).
func popCapabilities(lines [][]byte) (mechanisms map[string]bool, user bool) {
	mechanisms = map[string]bool{}
	for _, line := range lines {
		w := strings.Fields(strings.ToUpper(string(line)))
		if len(w) > 0 && w[0] == "SASL" {
			for _, name := range w[1:] {
				mechanisms[name] = true
			}
		}
		user = user || len(w) > 0 && w[0] == "USER"
	}
	return mechanisms, user
}

// stampOf gives the timestamp of a POP3 greeting (RFC 1939 §7); "" where it has none.
func stampOf(greeting string) string {
	i, j := strings.IndexByte(greeting, '<'), strings.LastIndexByte(greeting, '>')
	if i < 0 || j < i || !strings.Contains(greeting[i:j], "@") {
		return ""
	}
	return greeting[i : j+1]
}

// startTLS plays @starttls, where the connection is not under TLS.
func (p *player) startTLS(d *Directive) error {
	if p.opts.StartTLS == nil || p.tls {
		return nil
	}
	err := p.turnToTLS(d)
	if err != nil {
		return fmt.Errorf("replay: %v: @starttls: %w", d.Pos, err)
	}
	return nil
}

func (p *player) turnToTLS(d *Directive) error {
	var refusal string
	if p.conn.Protocol == IMAP {
		if _, err := p.greetIMAP(d.Pos); err != nil {
			return err
		}
		_, end, err := p.command(d.Pos, "tls1 STARTTLS")
		if err != nil {
			return err
		}
		if end.kind != "OK" {
			refusal = end.show
		}
	} else {
		if err := p.greetPOP3(d.Pos); err != nil {
			return err
		}
		status, _, err := p.ask(d.Pos, "STLS")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(status, "+OK") {
			refusal = status
		}
	}
	if refusal != "" {
		return fmt.Errorf("the server refuses: %s", p.hide(refusal))
	}
	p.tls = true
	return p.wire.upgrade(p.opts.StartTLS)
}
