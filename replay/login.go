package replay

import (
	"fmt"
	"strings"
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
	if m := mechanismOf(l); m != nil {
		p.mech = m
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
			segs, err := sasl.expand(p.vals)
			if err != nil {
				return nil, nil, err
			}
			p.wire.send(segs[0].octets)
		case tag:
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
		caps = capability(greeting)
	}
	if caps == nil {
		untagged, _, err := p.command(d.Pos, "login0 CAPABILITY")
		if err != nil {
			return err
		}
		caps = capability(untagged...)
	}
	text := "login1 LOGIN ${user} ${password}"
	if plain := caps["AUTH=PLAIN"]; caps["LOGINDISABLED"] {
		switch {
		case plain && caps["SASL-IR"]:
			text = "login1 AUTHENTICATE PLAIN ${sasl}"
		case plain:
			text = "login1 AUTHENTICATE PLAIN"
		default:
			return fmt.Errorf("the server has LOGINDISABLED and no AUTH=PLAIN; TLS may be needed first")
		}
	}
	_, end, err := p.command(d.Pos, text)
	if err != nil {
		return err
	}
	if end.kind != "OK" {
		return fmt.Errorf("the server refuses: %s", p.hide(end.show))
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
	segs, err := l.expand(p.vals)
	if err != nil {
		return "", nil, err
	}
	p.log(at, l.String())
	p.wire.send(segs[0].octets)
	status, err = p.readLine(at, p.opts.Timeout)
	if err == nil && strings.HasPrefix(status, "+OK") && multiLine(text) {
		body, err = p.readBody(at, p.opts.Timeout)
	}
	p.mech = nil
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
	steps := []string{"USER ${user}", "PASS ${password}"}
	if plain, user := popCapabilities(caps); plain && !user {
		steps = []string{"AUTH PLAIN ${sasl}"}
	}
	for _, step := range steps {
		status, _, err := p.ask(d.Pos, step)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(status, "+OK") {
			return fmt.Errorf("the server refuses: %s", p.hide(status))
		}
	}
	return nil
}

func popCapabilities(lines [][]byte) (plain, user bool) {
	for _, line := range lines {
		w := strings.Fields(strings.ToUpper(string(line)))
		for i := range w {
			plain = plain || w[0] == "SASL" && w[i] == "PLAIN"
			user = user || w[0] == "USER"
		}
	}
	return plain, user
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
